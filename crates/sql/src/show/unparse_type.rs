//! Types of CAST as Flink prints them inside expressions: Calcite's spelling.

use argus_base::{LogicalType, TypeRoot};
use sqlparser::ast;

use super::create::quoted;
use crate::script::{slice, span_of};
use crate::types::bind_data_type;

/// The type in Calcite's spelling. A precision that was not written is not printed.
pub(super) fn type_text(data_type: &ast::DataType, source: &str) -> String {
    let Ok(logical_type) = bind_data_type(data_type) else { return data_type.to_string() };
    let text = spelled(&logical_type);
    let written = match data_type {
        ast::DataType::Custom(name, _) => {
            let ident = name.0.first().and_then(|part| part.as_ident());
            ident.map_or("", |ident| slice(source, span_of(ident.span)))
        }
        _ => "",
    };
    match text.split_once('(') {
        Some((bare, _)) if !written.contains('(') && !written.contains('<') => bare.to_owned(),
        _ => text,
    }
}

fn spelled(logical_type: &LogicalType) -> String {
    let root = match &logical_type.root {
        TypeRoot::Int => "INTEGER".to_owned(),
        TypeRoot::Array(element) => format!("ARRAY< {} >", spelled(element)),
        TypeRoot::Multiset(element) => format!("MULTISET< {} >", spelled(element)),
        TypeRoot::Map(key, value) => format!("MAP< {}, {} >", spelled(key), spelled(value)),
        TypeRoot::Row(fields) => {
            let fields = fields.iter();
            let fields =
                fields.map(|f| format!("{} {}", quoted(&f.name), spelled(&f.logical_type)));
            format!("ROW< {} >", fields.collect::<Vec<String>>().join(", "))
        }
        other => other.to_string(),
    };
    if logical_type.nullable { root } else { format!("{root} NOT NULL") }
}
