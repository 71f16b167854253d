//! Which identities an edited script keeps.

use std::collections::BTreeMap;

use argus_base::id::OperatorId;
use argus_plan::{JobGraph, Operator};

use crate::test_catalog::graph;

const BIDS: &str = "CREATE TABLE bids (ts TIMESTAMP(3), k STRING, n INT, r ROW<a INT, b INT>, \
                    WATERMARK FOR ts AS ts) WITH ('connector' = 'file');";
const SINKS: &str = "CREATE TABLE counts (k STRING, n BIGINT) WITH ('connector' = 'out');
                     CREATE TABLE sums (k STRING, n INT) WITH ('connector' = 'out');";

fn query(what: &str, rest: &str) -> String {
    format!(
        "SELECT {what} FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' DAY)) {rest} \
         GROUP BY k, window_start, window_end"
    )
}

/// What has state and what finds it: sources, aggregations with their aggregates, sinks.
fn owners(graph: &JobGraph) -> BTreeMap<OperatorId, (String, Vec<String>)> {
    let owner = |operator: &Operator| match operator {
        Operator::Source(source) => Some((format!("source {}", source.table.name), Vec::new())),
        Operator::WindowAggregate(aggregate) | Operator::GlobalWindowAggregate(aggregate) => {
            let states = aggregate.aggregates.iter().map(|call| call.state_name.clone());
            Some(("aggregate".to_owned(), states.collect()))
        }
        Operator::GroupAggregate(aggregate) => {
            let states = aggregate.aggregates.iter().map(|call| call.state_name.clone());
            Some(("aggregate".to_owned(), states.collect()))
        }
        Operator::Sink(sink) => Some((format!("sink {}", sink.table.name), Vec::new())),
        _ => None,
    };
    let owners = graph.nodes.iter().filter_map(|node| Some((node.id, owner(&node.operator)?)));
    owners.collect()
}

/// What becomes of the state: `=` is kept, `-` lost, `+` begins anew; in the order of the ids.
fn edited(before: &str, after: &str) -> Vec<String> {
    let owners = |script: &str| owners(&graph(&format!("{BIDS}{SINKS}{script}")).unwrap());
    let (before, after) = (owners(before), owners(after));
    let mut lines = Vec::new();
    for (id, (what, states)) in &before {
        let Some((_, states_after)) = after.get(id) else {
            lines.push(format!("- {what}"));
            continue;
        };
        lines.push(format!("= {what}"));
        let mark = |state| if states_after.contains(state) { "=" } else { "-" };
        lines.extend(states.iter().map(|state| format!("{} {state}", mark(state))));
        let new = states_after.iter().filter(|state| !states.contains(state));
        lines.extend(new.map(|state| format!("+ {state}")));
    }
    let new = after.iter().filter(|(id, _)| !before.contains_key(id));
    lines.extend(new.map(|(_, (what, _))| format!("+ {what}")));
    lines.sort();
    lines
}

#[track_caller]
fn check(before: &str, after: &str, expected: &[&str]) {
    assert_eq!(edited(before, after), expected, "\n{before}\n{after}");
}

#[track_caller]
fn check_all_kept(before: &str, after: &str) {
    let lines = edited(before, after);
    assert!(lines.iter().all(|line| line.starts_with('=')), "{lines:?}\n{before}\n{after}");
}

const COUNTED: [&str; 3] = ["= COUNT(*)", "= aggregate", "= source bids"];

#[test]
fn aggregates_come_and_go() {
    let base = query("k, COUNT(*), SUM(n)", "");
    check(
        &base,
        &query("COUNT(*), COUNT(DISTINCT n), MAX(r.a + 1), k", ""),
        &[
            "+ COUNT(DISTINCT `n` INT)",
            "+ MAX((`r`.a + 1) INT)",
            "- SUM(`n` INT)",
            "= COUNT(*)",
            "= aggregate",
            "= source bids",
        ],
    );
    check(
        &base,
        &query("k, COUNT(*) FILTER (WHERE n > 1), SUM(n)", ""),
        &[
            "+ COUNT(*) FILTER (WHERE (`n` > 1))",
            "- COUNT(*)",
            "= SUM(`n` INT)",
            "= aggregate",
            "= source bids",
        ],
    );
}

#[test]
fn other_columns_names_and_settings_concern_no_state() {
    let base = query("k, COUNT(*)", "");
    let view = format!("CREATE VIEW v AS SELECT n AS x, k AS y, ts FROM bids; {base}")
        .replace("TABLE bids,", "TABLE v,")
        .replace("SELECT k,", "SELECT y AS k,")
        .replace("BY k", "BY y");
    check(&base, &view, &COUNTED);
    check(&base, &view.replace(" v ", " w ").replace("TABLE v,", "TABLE w,"), &COUNTED);
    check(&base, &format!("{base} HAVING COUNT(*) > 1"), &COUNTED);
    check(&base, &query("COUNT(*), window_end, k AS key", ""), &COUNTED);
    for setting in [
        "'parallelism.default' = '4'",
        "'table.optimizer.agg-phase-strategy' = 'TWO_PHASE'",
        "'pipeline.name' = 'other'",
        "'execution.checkpointing.interval' = '1 s'",
    ] {
        check(&base, &format!("SET {setting}; {base}"), &COUNTED);
    }
}

#[test]
fn options_and_further_columns_of_a_table_concern_no_state() {
    let base = query("k, COUNT(*)", "");
    let id = |bids: &str| owners(&graph(&format!("{bids}{base}")).unwrap());
    let same = |from: &str, to: &str| assert_eq!(id(BIDS), id(&BIDS.replace(from, to)), "{to}");
    same("'file')", "'file', 'note' = 'secret')");
    same("k STRING", "extra INT, k STRING, m INT METADATA FROM 'offset' VIRTUAL");
    same("AS ts)", "AS ts - INTERVAL '5' SECOND)");
    same("k STRING", "k VARCHAR(10) NOT NULL");
    let other = |from: &str, to: &str| {
        assert_ne!(id(BIDS), id(&BIDS.replace(from, to)), "{to}");
    };
    other("'file'", "'log'");
    other("k STRING", "j STRING, k AS UPPER(j)");
    other("k STRING", "k INT");
}

#[test]
fn other_rows_keys_and_windows_are_other_state() {
    let base = query("k, COUNT(*)", "");
    let lost = ["+ aggregate", "- aggregate", "= source bids"];
    check(&base, &query("k, COUNT(*)", "WHERE n > 1"), &lost);
    check(&base, &query("COUNT(*)", "").replace("BY k", "BY UPPER(k)"), &lost);
    check(&base, &query("COUNT(*)", "").replace("BY k", "BY n, k"), &lost);
    check(&base, &base.replace("'1' DAY", "'2' DAY"), &lost);
    check(&base, &base.replace("'1' DAY", "'1' DAY, INTERVAL '1' HOUR"), &lost);
    let by_proctime = format!("CREATE VIEW p AS SELECT *, PROCTIME() AS t FROM bids; {base}")
        .replace("TABLE bids,", "TABLE p,")
        .replace("DESCRIPTOR(ts)", "DESCRIPTOR(t)");
    check(&base, &by_proctime, &lost);
    let zone = format!("SET 'table.local-time-zone' = 'Asia/Tokyo'; {by_proctime}");
    check(&by_proctime, &zone, &lost);
}

#[test]
fn conditions_count_as_a_set() {
    let both = query("k, COUNT(*)", "WHERE n > 1 AND k <> 'a'");
    check(&both, &query("k, COUNT(*)", "WHERE k <> 'a' AND n > 1"), &COUNTED);
    let view = "CREATE VIEW few AS SELECT * FROM bids WHERE k <> 'a';";
    let of_view = query("k, COUNT(*)", "WHERE n > 1").replace("TABLE bids", "TABLE few");
    check(&both, &format!("{view}{of_view}"), &COUNTED);
}

#[test]
fn windows_that_stay_in_columns_are_other_state() {
    let base = query("k, COUNT(*)", "");
    let hop = |what: &str| {
        let hop = "HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' HOUR,";
        query(what, "").replace("TUMBLE(TABLE bids, DESCRIPTOR(ts),", hop)
    };
    let attached = "k, COUNT(*), MAX(window_start)";
    let grown =
        ["+ MAX(start of TUMBLE(1 d) TIMESTAMP(3))", "= COUNT(*)", "= aggregate", "= source bids"];
    check(&base, &query(attached, ""), &grown);
    check(&hop("k, COUNT(*)"), &hop(attached), &["+ aggregate", "- aggregate", "= source bids"]);
}

#[test]
fn inputs_of_a_union_have_no_order() {
    let union = |inputs: [&str; 3]| {
        let view = inputs.join(" UNION ALL ");
        let base = query("k, SUM(n)", "").replace("TABLE bids", "TABLE v");
        format!("CREATE VIEW v (ts, k, n) AS {view}; {base}")
    };
    let [one, two, three] = [
        "SELECT ts, k, n FROM bids",
        "SELECT ts, k, r.a FROM bids WHERE n > 1",
        "SELECT ts, UPPER(k), r.b FROM bids WHERE n > 2",
    ];
    let base = union([one, two, three]);
    check_all_kept(&base, &union([three, one, two]));
    let of_other = union([one, &two.replace("r.a", "r.b"), three]);
    assert!(edited(&base, &of_other).iter().any(|line| line.starts_with("- SUM")));
    let of_fewer = union([one, two, two]);
    assert!(edited(&base, &of_fewer).contains(&"- aggregate".to_owned()));
}

#[test]
fn sinks_are_known_by_their_table() {
    let count = format!("INSERT INTO counts {};", query("k, COUNT(*)", ""));
    let sum = format!("INSERT INTO sums {};", query("k, SUM(n)", "WHERE n > 1"));
    check(
        &count,
        &format!("{count}{sum}"),
        &[
            "+ aggregate",
            "+ sink sums",
            "= COUNT(*)",
            "= aggregate",
            "= sink counts",
            "= source bids",
        ],
    );
    check_all_kept(&format!("{count}{sum}"), &format!("{sum}{count}"));
    let filtered = count.replace("GROUP", "WHERE n > 5 GROUP");
    check(&count, &filtered, &["+ aggregate", "- aggregate", "= sink counts", "= source bids"]);
}

#[test]
fn equals_are_told_apart_by_their_turn() {
    let insert = |what: &str| format!("INSERT INTO sums {};", query(what, ""));
    let (sum, greatest) = (insert("k, SUM(n)"), insert("k, MAX(n)"));
    let (one, other) = (format!("{sum}{greatest}"), format!("{greatest}{sum}"));
    check(
        &sum,
        &one,
        &[
            "+ aggregate",
            "+ sink sums",
            "= SUM(`n` INT)",
            "= aggregate",
            "= sink sums",
            "= source bids",
        ],
    );
    assert!(edited(&one, &other).contains(&"- SUM(`n` INT)".to_owned()));
}

#[test]
fn a_column_read_twice_by_each_of_many_views_stays_small() {
    let view = |n: usize| format!("CREATE VIEW v{} AS SELECT n + n AS n FROM v{n};", n + 1);
    let views: String = (0..40).map(view).collect();
    let script = |last: &str| {
        format!(
            "CREATE TABLE t (n INT) WITH ('connector' = 'file'); \
             CREATE VIEW v0 AS SELECT n {last} AS n FROM t; {views} \
             SELECT n FROM v40 WHERE n > 1"
        )
    };
    let calc = |script: &str| graph(script).unwrap().nodes[1].id;
    assert_eq!(calc(&script("+ 1")), calc(&script("+ 1")));
    assert_ne!(calc(&script("+ 1")), calc(&script("+ 2")));
}

#[test]
fn many_levels_of_unions_stay_small() {
    let view = |n: usize| {
        format!("CREATE VIEW v{} AS SELECT * FROM v{n} UNION ALL SELECT * FROM v{n};", n + 1)
    };
    let views: String = (0..12).map(view).collect();
    let script = format!("CREATE VIEW v0 AS SELECT k FROM bids; {views} SELECT k FROM v12");
    graph(&format!("{BIDS}{script}")).unwrap();
}

#[test]
fn groups_without_a_window_are_known_by_their_keys() {
    let base = "SELECT k, COUNT(*) FROM bids GROUP BY k";
    check(
        base,
        "SELECT MAX(n), UPPER(k), COUNT(*) FROM bids GROUP BY k",
        &["+ MAX(`n` INT)", "= COUNT(*)", "= aggregate", "= source bids"],
    );
    check_all_kept(
        base,
        "SELECT /*+ STATE_TTL('bids' = '1 d') */ k, COUNT(*) FROM bids GROUP BY k",
    );
    check_all_kept(base, "SELECT k, COUNT(*) FROM bids GROUP BY k HAVING COUNT(*) > 1");
    let lost = ["+ aggregate", "- aggregate", "= source bids"];
    check(base, "SELECT COUNT(*) FROM bids GROUP BY n", &lost);
    check(base, "SELECT COUNT(*) FROM bids", &lost);
    check(base, "SELECT k, COUNT(*) FROM bids WHERE n > 1 GROUP BY k", &lost);
    check(base, &query("k, COUNT(*)", ""), &lost);
}
