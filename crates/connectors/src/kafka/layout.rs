//! Which physical columns stand in the message key and which in its value.

use argus_base::connector::{FormatUse, ProjectedField, Projection, TableDescriptor};
use argus_base::option::OptionError;
use argus_base::{Field, Result};

use crate::format::{Decoder, Encoder, FormatContext};
use crate::table_options::{FormatOptions, TableOptions};

/// One part of a message: its format and its columns.
#[derive(Clone)]
pub struct Part {
    format: FormatOptions,
    /// Fields as the format sees them: in the key without the prefix.
    schema: Vec<Field>,
    /// Positions in the table's physical columns, in the order of `schema`.
    pub columns: Vec<usize>,
}

/// Key and value of a table's messages.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The key, where the table has a key format.
    pub key: Option<Part>,
    /// The value.
    pub value: Part,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Part").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl Layout {
    /// Reads the key and value options of a table and checks the formats against the columns.
    pub fn new(
        table: &TableDescriptor,
        options: &TableOptions,
    ) -> std::result::Result<Layout, OptionError> {
        let fields = options.connector.list("key.fields");
        let prefix = options.connector.text("key.fields-prefix").unwrap_or_default();
        let is_except_key = options.connector.word("value.fields-include") == Some("EXCEPT_KEY");
        check_together(options, &fields, prefix, is_except_key)?;
        refuse_primary_key(table)?;
        let mut key_columns = Vec::new();
        let mut key_schema = Vec::new();
        for name in fields {
            let (index, field) = key_field(table, name, prefix)?;
            key_columns.push(index);
            key_schema.push(field);
        }
        let is_in_value = |index: &usize| !(is_except_key && key_columns.contains(index));
        let value_columns: Vec<usize> = (0..table.physical.len()).filter(is_in_value).collect();
        let value_schema = value_columns.iter().map(|&index| table.physical[index].clone());
        let body = options.body.as_ref().ok_or_else(missing_format)?;
        let value = Part::new(body, value_schema.collect(), value_columns, "value")?;
        let key = options.key.as_ref();
        let key =
            key.map(|format| Part::new(format, key_schema, key_columns, "key")).transpose()?;
        Ok(Layout { key, value })
    }
}

fn missing_format() -> OptionError {
    debug_assert!(super::spec().format == FormatUse::KeyAndValue);
    OptionError::Missing { key: "format".into(), help: "How the rows are written.".into() }
}

fn check_together(
    options: &TableOptions,
    fields: &[&str],
    prefix: &str,
    is_except_key: bool,
) -> std::result::Result<(), OptionError> {
    let problem = match () {
        () if options.key.is_some() && fields.is_empty() => {
            "'key.format' needs 'key.fields': which columns are in the key"
        }
        () if options.key.is_none() && !fields.is_empty() => {
            "'key.fields' needs 'key.format': how the key is written"
        }
        () if !prefix.is_empty() && !is_except_key => {
            "'key.fields-prefix' needs 'value.fields-include' = 'EXCEPT_KEY'"
        }
        () => return Ok(()),
    };
    Err(OptionError::Conflict(problem.into()))
}

fn refuse_primary_key(table: &TableDescriptor) -> std::result::Result<(), OptionError> {
    if table.primary_key.is_empty() {
        return Ok(());
    }
    let problem = "a kafka table with an insert-only format takes no PRIMARY KEY, because it \
                   cannot guarantee it";
    Err(OptionError::Conflict(problem.into()))
}

fn key_field(
    table: &TableDescriptor,
    name: &str,
    prefix: &str,
) -> std::result::Result<(usize, Field), OptionError> {
    let bad_value = |problem: String| OptionError::BadValue {
        key: "key.fields".into(),
        value: name.to_owned(),
        problem,
    };
    let Some(short) = name.strip_prefix(prefix) else {
        return Err(bad_value(format!("each key column must begin with the prefix '{prefix}'")));
    };
    let Some(index) = table.physical.iter().position(|field| field.name == name) else {
        let names: Vec<&str> = table.physical.iter().map(|field| field.name.as_str()).collect();
        return Err(bad_value(format!("no such physical column; there are {}", names.join(", "))));
    };
    Ok((index, Field::new(short, table.physical[index].logical_type.clone())))
}

impl Part {
    fn new(
        format: &FormatOptions,
        schema: Vec<Field>,
        columns: Vec<usize>,
        what: &str,
    ) -> std::result::Result<Part, OptionError> {
        (format.format.spec.check_schema)(&schema).map_err(|why| {
            let identifier = format.format.spec.identifier;
            OptionError::Conflict(format!("format '{identifier}' cannot hold the {what}: {why}"))
        })?;
        Ok(Part { format: format.clone(), schema, columns })
    }

    /// The part of a wanted list of physical columns that stands in this part of the message,
    /// and where each of its columns goes in the output.
    pub fn project(&self, wanted: &Projection) -> (Projection, Vec<usize>) {
        let mut projection = Vec::new();
        let mut targets = Vec::new();
        for (target, field) in wanted.0.iter().enumerate() {
            let Some(index) = self.columns.iter().position(|&column| column == field.index) else {
                continue;
            };
            projection.push(ProjectedField { index, nested: field.nested.clone() });
            targets.push(target);
        }
        (Projection(projection), targets)
    }

    /// A decoder of the wanted part.
    pub fn decoder(&self, wanted: &Projection, time_zone: &str) -> Result<Box<dyn Decoder>> {
        (self.format.format.decoder)(&self.format_context(wanted, time_zone))
    }

    /// An encoder of all columns of this part.
    pub fn encoder(&self, time_zone: &str) -> Result<Box<dyn Encoder>> {
        let everything = Projection::all(self.schema.len());
        (self.format.format.encoder)(&self.format_context(&everything, time_zone))
    }

    fn format_context<'a>(
        &'a self,
        projection: &'a Projection,
        time_zone: &'a str,
    ) -> FormatContext<'a> {
        FormatContext { schema: &self.schema, projection, options: &self.format.options, time_zone }
    }
}
