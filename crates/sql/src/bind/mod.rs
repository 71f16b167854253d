//! The binder: query AST → bound job graph. Names become positions, every expression gets Flink's
//! type, every implicit cast is written out.
//!
//! Not here: parsing, the catalog's DDL, and making the graph fast, which is `rewrite`. The bound
//! graph is correct as it stands but naive: sources produce every column, a window TVF is an
//! operator of its own, and nothing says how rows are exchanged. Equal sub-plans are one node
//! from the start, so a view read twice is computed once.
//!
//! ```text
//! from, table, window          what stands in FROM         ─┐
//! select, grouping, aggregate  SELECT, GROUP BY, HAVING     ├─▶ Relation ─▶ plan: nodes
//! query, values                WITH, UNION ALL, VALUES      │
//! sink, changes, delivery      INSERT INTO                 ─┘
//! expression, call, conditional, literal, cast, scope       expressions
//! ```

mod aggregate;
mod call;
pub(crate) mod cast;
mod changes;
pub mod code;
pub(crate) mod conditional;
mod delivery;
mod expression;
mod from;
mod grouping;
mod literal;
pub(crate) mod plan;
mod query;
mod scope;
mod select;
mod sink;
mod table;
mod values;
mod window;

use std::collections::BTreeMap;

use argus_base::Field;
use argus_base::connector::ConnectorCatalog;
use argus_plan::{JobGraph, JobSettings, Operator};

use crate::catalog::{Catalog, Table, View};
use crate::diagnostic::Diagnostic;
use crate::rewrite;
use crate::script::hint::Hints;
use crate::statement::{Insert, Query};

use plan::Plan;
use query::Binder;

/// What binding reads besides the statement.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Tables and views.
    pub catalog: &'a Catalog,
    /// Declarations of connectors and formats.
    pub connectors: &'a dyn ConnectorCatalog,
    /// Checked SET statements.
    pub settings: &'a JobSettings,
    /// Options given outside the script, by table name; they go before WITH and hints.
    pub overrides: &'a BTreeMap<String, BTreeMap<String, String>>,
}

/// Types the computed columns of a declared table and checks its watermark. The rowtime column's
/// type says so afterwards, as does a computed `PROCTIME()`. Connector options are checked when
/// the table is used.
pub fn bind_table(context: &Context<'_>, table: &mut Table) -> Result<(), Diagnostic> {
    table::bind_declaration(context, table)
}

/// Names and types of a view's columns.
pub fn view_columns(context: &Context<'_>, view: &View) -> Result<Vec<Field>, Diagnostic> {
    let mut binder = Binder::new(context, &view.hints);
    let relation = binder.view(view)?;
    if view.columns.is_none() {
        binder.check_view_names(&view.query)?;
    }
    Ok(relation.fields())
}

/// The job of a SELECT; it ends in [`Operator::Collect`], whose output has the names and types
/// that the client sees.
pub fn bind_select(context: &Context<'_>, query: &Query) -> Result<JobGraph, Diagnostic> {
    Ok(rewrite::rewrite(bound_select(context, query)?, context.settings))
}

/// The job of a group of INSERT statements. They share sources and views.
pub fn bind_inserts(context: &Context<'_>, inserts: &[Insert]) -> Result<JobGraph, Diagnostic> {
    Ok(rewrite::rewrite(bound_inserts(context, inserts)?, context.settings))
}

fn bound_select(context: &Context<'_>, query: &Query) -> Result<Plan, Diagnostic> {
    let mut binder = Binder::new(context, &query.hints);
    let mut relation = binder.query(&query.query)?;
    query::make_unique(&mut relation.columns);
    for column in &mut relation.columns {
        column.logical_type = column.logical_type.materialized();
    }
    binder.plan.add(Operator::Collect, &[relation.node], relation.fields());
    Ok(binder.plan)
}

fn bound_inserts(context: &Context<'_>, inserts: &[Insert]) -> Result<Plan, Diagnostic> {
    let no_hints = Hints::default();
    let mut binder = Binder::new(context, &no_hints);
    for insert in inserts {
        binder.insert(insert)?;
    }
    binder.decide_deliveries();
    Ok(binder.plan)
}

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
#[path = "bind_tests.rs"]
mod tests;
