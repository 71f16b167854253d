//! `argus options`: every setting and option there is, from the declarations that also check them.

use std::fmt::Write;

use argus_base::option::{OptionKind, OptionSpec};
use argus_connectors::registry;
use argus_plan::setting::SETTINGS;

use crate::failure::Failure;
use crate::output::write_out;

/// Options that belong together.
struct Group {
    title: String,
    options: Vec<OptionSpec>,
    /// Stands in front of every name: `json.`.
    prefix: String,
}

/// Prints all of them.
pub fn print(as_markdown: bool) -> Result<(), Failure> {
    let mut out = String::new();
    for group in groups() {
        if as_markdown {
            write_markdown(&mut out, &group);
        } else {
            write_text(&mut out, &group);
        }
    }
    let head = if as_markdown { "# Settings and options\n\n" } else { "" };
    Ok(write_out(format!("{head}{}\n", out.trim_end()).as_bytes())?)
}

fn groups() -> Vec<Group> {
    let declared = registry::all();
    let group = |title: &str, prefix: &str, options: &[OptionSpec]| Group {
        title: title.to_owned(),
        options: options.to_vec(),
        prefix: prefix.to_owned(),
    };
    let mut groups = vec![
        group("Settings (SET)", "", SETTINGS),
        group("Every source", "", declared.source_options),
        group("Every sink", "", declared.sink_options),
    ];
    for connector in &declared.connectors {
        groups.push(group(&format!("Connector {}", connector.identifier), "", connector.options));
    }
    for format in &declared.formats {
        let prefix = format!("{}.", format.identifier);
        groups.push(group(&format!("Format {}", format.identifier), &prefix, format.options));
    }
    groups
}

fn write_markdown(out: &mut String, group: &Group) {
    let _infallible = write!(out, "## {}\n\n", group.title);
    if group.options.is_empty() {
        return out.push_str("None.\n\n");
    }
    out.push_str("| option | value | default | |\n|---|---|---|---|\n");
    for option in &group.options {
        let name = format!("`{}{}`", group.prefix, option.name);
        let default = option.default.map_or_else(String::new, |value| format!("`{value}`"));
        let default = if option.required { "required".to_owned() } else { default };
        let cells = [name, takes(&option.kind), default, option.help.to_owned()];
        let cells = cells.map(|cell| cell.replace('|', "\\|")).join(" | ");
        let _infallible = writeln!(out, "| {cells} |");
    }
    out.push('\n');
}

fn write_text(out: &mut String, group: &Group) {
    let _infallible = writeln!(out, "{}", group.title);
    for option in &group.options {
        let default = match (option.required, option.default) {
            (true, _) => "; required".to_owned(),
            (false, Some(value)) => format!("; default: {value}"),
            (false, None) => String::new(),
        };
        let (name, help, value) = (option.name, option.help, takes(&option.kind));
        let _infallible =
            writeln!(out, "  {}{name}\n      {help} ({value}{default})", group.prefix);
    }
    out.push('\n');
}

fn takes(kind: &OptionKind) -> String {
    match kind {
        OptionKind::Text => "text".to_owned(),
        OptionKind::Bool => "true or false".to_owned(),
        OptionKind::Int { min: i64::MIN, max: i64::MAX } => "whole number".to_owned(),
        OptionKind::Int { min, max: i64::MAX } => format!("whole number from {min}"),
        OptionKind::Int { min, max } => format!("whole number from {min} to {max}"),
        OptionKind::Double => "number".to_owned(),
        OptionKind::Duration => "duration".to_owned(),
        OptionKind::MemorySize => "size".to_owned(),
        OptionKind::Enum(words) => words.join(", "),
        OptionKind::List => "list with ;".to_owned(),
    }
}
