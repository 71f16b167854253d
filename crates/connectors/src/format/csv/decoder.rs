//! Decodes CSV records. Of a message with several lines only the first is read, as in Flink.

use argus_base::connector::ProjectedField;
use argus_base::{Field, LogicalType, Result, TypeRoot};

use super::super::column::Column;
use super::super::ledger::Ledger;
use super::super::number::trim;
use super::super::problem::{Outcome, Problem};
use super::super::text_check::TextCheck;
use super::super::{Decoded, Decoder, FormatContext};
use super::Dialect;
use super::record::{Fields, Marks};
use super::values::{Converter, Plan};
use crate::message::MessageBatch;

/// Decoder of one reader.
pub(super) struct CsvDecoder {
    marks: Marks,
    converter: Converter,
    names: Vec<String>,
    /// For each field of a record the wanted column and how it is read.
    targets: Vec<Option<(usize, Plan)>>,
    columns: Vec<Column>,
}

impl CsvDecoder {
    /// A decoder of the wanted fields.
    pub fn new(
        context: &FormatContext<'_>,
        dialect: Dialect,
        ignore_parse_errors: bool,
    ) -> Result<CsvDecoder> {
        let wanted = context.wanted()?;
        let mut targets: Vec<Option<(usize, Plan)>> = context.schema.iter().map(|_| None).collect();
        for (target, projected) in context.projection.0.iter().enumerate() {
            let plan = plan(&context.schema[projected.index].logical_type, projected);
            targets[projected.index] = Some((target, plan));
        }
        Ok(CsvDecoder {
            marks: Marks::new(&dialect),
            converter: Converter {
                element_delimiter: dialect.element_delimiter.to_string().into_bytes(),
                null_literal: dialect.null_literal.map(String::into_bytes),
                ignore_parse_errors,
            },
            names: context.schema.iter().map(|field: &Field| field.name.clone()).collect(),
            targets,
            columns: wanted.iter().map(|field| Column::new(&field.logical_type)).collect(),
        })
    }

    /// Reads a record; false where there is none.
    fn record(&mut self, data: &[u8], start: usize, end: usize, length: usize) -> Outcome<bool> {
        let Some(mut fields) = Fields::begin(data, start, end, &self.marks) else {
            return Ok(false);
        };
        let mut n_fields = 0;
        while let Some(text) = fields.next()? {
            let Some(target) = self.targets.get(n_fields) else {
                // One empty field more is the delimiter at the end of a line.
                let is_last_and_empty =
                    trim(text.bytes(data)).is_empty() && fields.next()?.is_none();
                if is_last_and_empty {
                    break;
                }
                let expected = self.targets.len();
                return Err(Problem::syntax(format!("expected {expected} fields, found more")));
            };
            if let Some((target, plan)) = target {
                let outcome = self.converter.field(data, &text, plan, &mut self.columns[*target]);
                outcome.map_err(|p| p.in_field(self.names[n_fields].as_bytes()))?;
            }
            n_fields += 1;
        }
        if n_fields < self.targets.len() {
            self.too_few(n_fields, length)?;
        }
        Ok(true)
    }

    fn too_few(&mut self, n_fields: usize, length: usize) -> Outcome<()> {
        if !self.converter.ignore_parse_errors {
            let expected = self.targets.len();
            return Err(Problem::value(format!("expected {expected} fields, found {n_fields}")));
        }
        for column in &mut self.columns {
            if column.len() == length {
                Converter::absent(column)?;
            }
        }
        Ok(())
    }
}

/// How the wanted part of a field is read.
fn plan(logical_type: &LogicalType, projected: &ProjectedField) -> Plan {
    let (Some(nested), TypeRoot::Row(fields)) = (&projected.nested, &logical_type.root) else {
        return Plan::new(logical_type);
    };
    let part =
        |wanted: &ProjectedField| (wanted.index, plan(&fields[wanted.index].logical_type, wanted));
    Plan::Row { wanted: nested.0.iter().map(part).collect(), n_fields: fields.len() }
}

impl Decoder for CsvDecoder {
    fn decode(&mut self, messages: &MessageBatch) -> Result<Decoded> {
        let data = messages.bytes.as_slice();
        let text = TextCheck::new(data);
        for column in &mut self.columns {
            column.reserve(messages.len());
        }
        let mut ledger = Ledger::default();
        for i in 0..messages.len() {
            let range = messages.range(i);
            // A tombstone has no row. An empty body has one field, and that is empty.
            if messages.body(i).is_none() {
                continue;
            }
            let outcome = match text.check(range.clone()) {
                Ok(()) => self.record(data, range.start, range.end, ledger.n_rows()),
                Err(reason) => Err(Problem::syntax(reason)),
            };
            match outcome {
                Ok(true) => ledger.add_row(i),
                Ok(false) => {}
                Err(problem) => {
                    self.columns.iter_mut().for_each(|c| c.truncate(ledger.n_rows()));
                    match self.converter.ignore_parse_errors {
                        true => ledger.ignore(),
                        false => ledger.fail(i, problem.into_reason("CSV")),
                    }
                }
            }
        }
        let columns: Result<_> =
            self.columns.iter_mut().map(|column| column.finish(&messages.bytes)).collect();
        Ok(ledger.finish(columns?))
    }
}
