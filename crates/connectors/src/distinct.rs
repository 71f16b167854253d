//! The tables that a job writes, each once: what several INSERTs write to one table has one
//! committer, for it has one marker.

use argus_base::connector::{SinkTable, TableDescriptor};

/// A table and who writes to it.
pub struct DistinctTable<'a> {
    /// The table.
    pub table: &'a TableDescriptor,
    /// What its marker is called: its name with each slash doubled, and `/2` behind the name of the
    /// second table of that name.
    pub sink_name: String,
    /// Positions among the tables that the job writes.
    pub positions: Vec<usize>,
}

/// The tables in order of first appearance. `name_of` is what a table is called where it lies: its
/// name in the script says less, for two jobs may each call another one `t`.
pub fn distinct<'a>(
    tables: &[SinkTable<'a>],
    name_of: impl Fn(&'a TableDescriptor) -> &'a str,
) -> Vec<DistinctTable<'a>> {
    let mut found: Vec<DistinctTable<'a>> = Vec::new();
    for (position, SinkTable { table, .. }) in tables.iter().enumerate() {
        match found.iter_mut().find(|known| known.table == *table) {
            Some(known) => known.positions.push(position),
            None => {
                let name = name_of(table);
                let n_before = found.iter().filter(|known| name_of(known.table) == name).count();
                let sink_name = sink_name(name, n_before);
                found.push(DistinctTable { table, sink_name, positions: vec![position] });
            }
        }
    }
    found
}

fn sink_name(table_name: &str, n_before: usize) -> String {
    let name = table_name.replace('/', "//");
    if n_before == 0 { name } else { format!("{name}/{}", n_before + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_table_is_found_once_and_namesakes_are_told_apart() {
        let table = |name: &str, path: &str| {
            let mut table = crate::testing::table(&[], &[("path", path)]);
            table.name = name.to_owned();
            table
        };
        let tables = [table("t", "a"), table("u/2", "a"), table("t", "b"), table("t", "a")];
        let tables: Vec<_> = tables
            .iter()
            .map(|table| SinkTable { table, metadata: &[], unstable_key: None })
            .collect();
        let found: Vec<_> = distinct(&tables, |table| &table.name)
            .into_iter()
            .map(|distinct| (distinct.sink_name, distinct.positions))
            .collect();
        let expected = [("t", vec![0, 3]), ("u//2", vec![1]), ("t/2", vec![2])];
        assert_eq!(found, expected.map(|(name, positions)| (name.to_owned(), positions)));
    }
}
