//! How rows written to each connector become visible, as EXPLAIN tells it before a table is open.

use std::collections::BTreeMap;

use argus_base::connector::{DeliveryPlan, SinkTable, TableDescriptor};

use crate::jdbc::{self, Early};

const AS_THEY_COME: &str = "rows are visible as they come";
const AT_LEAST_ONCE: &str =
    "at-least-once: rows since the last checkpoint come again after a failure";

/// What the sink of a checked table will do.
pub(crate) fn delivery(
    sink: &SinkTable<'_>,
    settings: &BTreeMap<String, String>,
    takes_checkpoints: bool,
) -> DeliveryPlan {
    let table = sink.table;
    let connector = table.options.get("connector").map_or("", String::as_str);
    let text = match (connector, takes_checkpoints) {
        ("kafka", true) => return kafka(table),
        ("jdbc", true) => return jdbc(sink, settings),
        ("filesystem", true) => "exactly-once: hidden files, published at the commit",
        ("filesystem", false) => "files are visible at the end of the input",
        (_, true) => AT_LEAST_ONCE,
        (_, false) => AS_THEY_COME,
    };
    DeliveryPlan { text: text.to_owned(), commits_checkpoints: false }
}

fn kafka(table: &TableDescriptor) -> DeliveryPlan {
    let guarantee = table.options.get("sink.delivery-guarantee").map_or("", String::as_str);
    let is = |word: &str| guarantee.eq_ignore_ascii_case(word);
    let text = if is("at-least-once") {
        AT_LEAST_ONCE
    } else if is("none") {
        "none: rows that the cluster has not taken yet are lost in a failure"
    } else {
        "exactly-once: one transaction of the cluster a checkpoint"
    };
    let commits_checkpoints = text.starts_with("exactly-once");
    DeliveryPlan { text: text.to_owned(), commits_checkpoints }
}

fn jdbc(sink: &SinkTable<'_>, settings: &BTreeMap<String, String>) -> DeliveryPlan {
    let applied = "applied after the commit under a marker in argus_commit";
    let text = match jdbc::early(sink, settings) {
        Early::Yes => "exactly-once by key: early upserts, replayed until caught up after a \
                       failure; guarded by a fence"
            .to_owned(),
        Early::No => format!("exactly-once: staged, {applied}"),
        Early::KeyMayDiffer(why) => {
            format!("exactly-once: staged, since on replay the keys may differ ({why}); {applied}")
        }
    };
    DeliveryPlan { text, commits_checkpoints: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(
        options: &[(&str, &str)],
        settings: &[(&str, &str)],
        primary_key: &[usize],
        unstable_key: Option<&str>,
    ) -> DeliveryPlan {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let table = TableDescriptor {
            name: "t".to_owned(),
            options: map(options),
            physical: Vec::new(),
            metadata: Vec::new(),
            primary_key: primary_key.to_vec(),
            partition_keys: Vec::new(),
        };
        let sink = SinkTable { table: &table, metadata: &[], unstable_key };
        delivery(&sink, &map(settings), true)
    }

    fn text(options: &[(&str, &str)], settings: &[(&str, &str)], primary_key: &[usize]) -> String {
        let plan = plan(options, settings, primary_key, None);
        let commits = if plan.commits_checkpoints { " (commits)" } else { "" };
        let until = plan.text.find([':', ',']).unwrap_or(plan.text.len());
        format!("{}{commits}", &plan.text[..until])
    }

    #[test]
    fn kafka_commits_unless_told_otherwise() {
        assert_eq!(text(&[("connector", "kafka")], &[], &[]), "exactly-once (commits)");
        let with = |guarantee| {
            text(&[("connector", "kafka"), ("sink.delivery-guarantee", guarantee)], &[], &[])
        };
        assert_eq!(with("at-least-once"), "at-least-once");
        assert_eq!(with("NONE"), "none");
        assert_eq!(with("Exactly-Once"), "exactly-once (commits)");
    }

    #[test]
    fn databases_upsert_by_key_or_stage() {
        let jdbc = [("connector", "jdbc")];
        assert_eq!(text(&jdbc, &[], &[0]), "exactly-once by key");
        assert_eq!(text(&jdbc, &[], &[]), "exactly-once");
        let staged = [("argus.jdbc.delivery-guarantee", "exactly-once")];
        assert_eq!(text(&jdbc, &staged, &[0]), "exactly-once");
        assert_eq!(text(&[("connector", "print")], &[], &[]), "at-least-once");
    }

    #[test]
    fn keys_that_may_differ_are_staged_and_it_says_why() {
        let jdbc = [("connector", "jdbc")];
        let why = Some("id depends on UUID");
        assert_eq!(
            plan(&jdbc, &[], &[0], why).text,
            "exactly-once: staged, since on replay the keys may differ (id depends on UUID); \
             applied after the commit under a marker in argus_commit"
        );
        let asked = [("argus.jdbc.delivery-guarantee", "exactly-once")];
        for staged in [plan(&jdbc, &asked, &[0], why), plan(&jdbc, &[], &[], None)] {
            assert!(staged.text.starts_with("exactly-once: staged, applied"), "{}", staged.text);
        }
    }
}
