//! Lineage: which rows a node of the bound plan has, and where the values of its columns come from.
//!
//! Columns are named by their values' origin in sources, not by position, name or alias. What a
//! script may write in several ways has one lineage where that is cheap to see: conditions count
//! as a set, wherever between two aggregations they stand, and so do the inputs of UNION ALL.

use std::collections::BTreeSet;

use argus_base::id::OperatorId;
use argus_base::key_group::key_hash;
use argus_plan::fingerprint::fingerprint;
use argus_plan::graph::Calc;
use argus_plan::window::WindowTime;
use argus_plan::{Expression, ExpressionKind, Window, text};

/// Longest text that says where a value comes from, in bytes; a hash stands for a longer one.
/// Without a bound a column that is read twice on each of many levels of views would double on
/// each.
const MAX_TEXT: usize = 4096;
/// Most inputs of nested unions that are told apart, for the same reason.
const MAX_BRANCHES: usize = 64;

/// What a node's users see of it: the rows of all branches.
#[derive(Clone, Debug)]
pub(super) struct Lineage(Vec<Branch>);

/// Rows that come one way.
#[derive(Clone, Debug)]
struct Branch {
    /// The rows before any condition.
    rows: OperatorId,
    /// What holds for all of them.
    conditions: BTreeSet<String>,
    /// Where the values of each column come from.
    columns: Vec<String>,
}

impl Lineage {
    /// Rows that are made here, by what `rows` says.
    pub fn new(rows: OperatorId, columns: impl Iterator<Item = String>) -> Lineage {
        let columns = columns.map(shortened).collect();
        Lineage(vec![Branch { rows, conditions: BTreeSet::new(), columns }])
    }

    /// The same for the same rows.
    pub fn rows(&self) -> OperatorId {
        if let [branch] = self.0.as_slice() {
            return branch.id();
        }
        let branches: Vec<OperatorId> = self.0.iter().map(Branch::id).collect();
        fingerprint("union", &branches)
    }

    /// Where the values of a column come from.
    pub fn column(&self, index: usize) -> String {
        let mut texts: Vec<&str> = self.0.iter().map(|b| b.columns[index].as_str()).collect();
        texts.dedup();
        shortened(texts.join(" | "))
    }

    /// Every column.
    pub fn columns(&self) -> String {
        let n_columns = self.0.first().map_or(0, |branch| branch.columns.len());
        (0..n_columns).map(|index| self.column(index)).collect::<Vec<String>>().join(", ")
    }

    /// Behind a Calc.
    pub fn calculated(&self, calc: &Calc) -> Lineage {
        let branch = |branch: &Branch| {
            let text =
                |e: &Expression| shortened(text::expression(e, &|i| branch.columns[i].clone()));
            let mut conditions = branch.conditions.clone();
            calc.filter.iter().for_each(|filter| add_conditions(filter, &text, &mut conditions));
            Branch {
                rows: branch.rows,
                conditions,
                columns: calc.projection.iter().map(text).collect(),
            }
        };
        Lineage(self.0.iter().map(branch).collect())
    }

    /// Behind a window TVF.
    pub fn windowed(&self, window: &Window) -> Lineage {
        let shown = text::window(window);
        let branch = |branch: &Branch| {
            let time = window.time.column().map_or("", |index| branch.columns[index].as_str());
            let canonical = format!("window {} over {time}", window_text(window));
            let bounds = ["start", "end", "time"].map(|bound| format!("{bound} of {shown}"));
            Branch {
                rows: fingerprint(&canonical, &[branch.rows]),
                conditions: branch.conditions.clone(),
                columns: branch.columns.iter().cloned().chain(bounds).collect(),
            }
        };
        Lineage(self.0.iter().map(branch).collect())
    }

    /// Behind a UNION ALL.
    pub fn union<'a>(inputs: impl Iterator<Item = &'a Lineage>) -> Lineage {
        let mut branches: Vec<Branch> = inputs.flat_map(|input| input.0.iter().cloned()).collect();
        branches.sort_by_cached_key(|branch| (branch.id(), branch.columns.clone()));
        let lineage = Lineage(branches);
        if lineage.0.len() <= MAX_BRANCHES {
            return lineage;
        }
        let n_columns = lineage.0[0].columns.len();
        Lineage::new(lineage.rows(), (0..n_columns).map(|index| lineage.column(index)))
    }
}

impl Branch {
    fn id(&self) -> OperatorId {
        if self.conditions.is_empty() {
            return self.rows;
        }
        let conditions: Vec<&str> = self.conditions.iter().map(String::as_str).collect();
        fingerprint(&format!("where {}", conditions.join(" AND ")), &[self.rows])
    }
}

/// A window and the clock it is cut on.
pub(super) fn window_text(window: &Window) -> String {
    let shown = text::window(window);
    match &window.time {
        WindowTime::Event { .. } => shown,
        WindowTime::EventLocal { zone, .. } => format!("{shown} in {zone}"),
        WindowTime::Processing { zone } => format!("{shown} of processing time in {zone}"),
    }
}

/// A text, or its hash where it is long.
pub(super) fn shortened(text: String) -> String {
    if text.len() <= MAX_TEXT {
        return text;
    }
    format!("#{:016x}", key_hash(text.as_bytes()))
}

fn add_conditions(
    condition: &Expression,
    text: &impl Fn(&Expression) -> String,
    conditions: &mut BTreeSet<String>,
) {
    match &condition.kind {
        ExpressionKind::And(parts) => {
            parts.iter().for_each(|part| add_conditions(part, text, conditions));
        }
        _ => {
            conditions.insert(text(condition));
        }
    }
}
