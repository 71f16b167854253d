//! Where each column of a file's batch comes from: its body, its folders, or the file itself.

use std::sync::Arc;

use argus_base::connector::{ProjectedField, Projection, ScanSpec, TableDescriptor};
use argus_base::logical_type::arrow_schema;
use argus_base::{Error, Field, Result};
use arrow_array::{
    ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringViewArray,
    TimestampMillisecondArray,
};
use arrow_schema::SchemaRef;

use super::listing::FileEntry;
use super::partition;
use crate::registry::body_fields;

/// How a table's rows are put together.
pub struct Layout {
    /// The columns in the body of a file.
    pub body: Vec<Field>,
    /// The wanted part of them.
    pub body_projection: Projection,
    columns: Vec<Origin>,
    schema: SchemaRef,
    default_partition: String,
}

/// Where a column comes from.
enum Origin {
    /// The decoded column at that position.
    Body(usize),
    /// The partition key at that position.
    Partition(usize, Field),
    /// `file.path` and its like.
    Metadata(String),
}

/// Refuses partition keys that are no columns, or of no type that a name can stand for.
pub fn check_partition_columns(table: &TableDescriptor) -> std::result::Result<(), String> {
    for key in &table.partition_keys {
        let Some(field) = table.physical.iter().find(|field| field.name == *key) else {
            return Err(format!("the partition column '{key}' is no physical column"));
        };
        if !partition::is_supported(&field.logical_type.root) {
            let root = &field.logical_type.root;
            return Err(format!("a table cannot be partitioned by '{key}' of type {root}"));
        }
    }
    if !table.physical.is_empty() && table.partition_keys.len() >= table.physical.len() {
        return Err("every column is a partition column: none is left for the files".to_owned());
    }
    Ok(())
}

impl Layout {
    /// Reads off a table what the job wants of it.
    pub fn new(table: &TableDescriptor, scan: &ScanSpec, default_partition: &str) -> Layout {
        let body = body_fields(table);
        let mut body_projection = Projection(Vec::new());
        let mut columns = Vec::new();
        for wanted in &scan.physical.0 {
            let field = &table.physical[wanted.index];
            let key = table.partition_keys.iter().position(|key| *key == field.name);
            if let Some(key) = key {
                columns.push(Origin::Partition(key, field.clone()));
                continue;
            }
            let index = body.iter().position(|of_body| of_body.name == field.name);
            let index = index.unwrap_or_default();
            columns.push(Origin::Body(body_projection.0.len()));
            body_projection.0.push(ProjectedField { index, nested: wanted.nested.clone() });
        }
        for &index in &scan.metadata {
            columns.push(Origin::Metadata(table.metadata[index].key.clone()));
        }
        Layout {
            body,
            body_projection,
            columns,
            schema: arrow_schema(&scan.output(table)),
            default_partition: default_partition.to_owned(),
        }
    }

    /// The batch of a file's decoded columns.
    pub fn batch(
        &self,
        file: &FileEntry,
        decoded: &[ArrayRef],
        n_rows: usize,
    ) -> Result<RecordBatch> {
        let columns = self.columns.iter().map(|origin| match origin {
            Origin::Body(position) => Ok(Arc::clone(&decoded[*position])),
            Origin::Partition(key, field) => {
                partition::column(field, &file.partition[*key], &self.default_partition, n_rows)
            }
            Origin::Metadata(key) => metadata(key, file, n_rows),
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(n_rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

fn metadata(key: &str, file: &FileEntry, n_rows: usize) -> Result<ArrayRef> {
    let text = |text: &str| -> ArrayRef {
        Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n(text, n_rows)))
    };
    Ok(match key {
        "file.path" => text(&file.path.to_string_lossy()),
        "file.name" => text(&file.path.file_name().unwrap_or_default().to_string_lossy()),
        "file.size" => {
            let size = i64::try_from(file.size).unwrap_or(i64::MAX);
            Arc::new(Int64Array::from_value(size, n_rows))
        }
        "file.modification-time" => {
            let array = TimestampMillisecondArray::from_value(file.modified_ms, n_rows);
            Arc::new(array.with_timezone("UTC"))
        }
        other => return Err(Error::bug(format!("unknown metadata column '{other}'"))),
    })
}
