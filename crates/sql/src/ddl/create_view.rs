//! CREATE VIEW: the query is bound once, to refuse a wrong one where it stands.

use super::{already_there, check_path};
use crate::Diagnostic;
use crate::bind::{self, Context};
use crate::catalog::View;
use crate::statement::CreateView;

/// The view that a statement declares; `None` where IF NOT EXISTS finds one.
pub fn create_view(context: &Context<'_>, create: &CreateView) -> Result<Option<View>, Diagnostic> {
    check_path(&create.path)?;
    if context.catalog.contains(&create.path.name, create.is_temporary) {
        return if create.if_not_exists { Ok(None) } else { Err(already_there(&create.path)) };
    }
    let names = create.columns.as_deref().unwrap_or_default();
    for (index, name) in names.iter().enumerate() {
        if names[..index].iter().any(|other| other.value == name.value) {
            let message = format!("the column '{}' is named twice", name.value);
            return Err(Diagnostic::wrong("AR1109", name.span, message));
        }
    }
    let view = View {
        name: create.path.name.clone(),
        columns: create.columns.as_ref().map(|all| all.iter().map(|c| c.value.clone()).collect()),
        query: create.query.query.clone(),
        hints: create.query.hints.clone(),
        text: create.text.clone(),
        source: create.source.clone(),
        comment: create.comment.clone(),
    };
    bind::view_columns(context, &view)?;
    Ok(Some(view))
}
