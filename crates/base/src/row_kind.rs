//! The four kinds of a changelog row.

/// What a row does to the table its stream describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RowKind {
    /// +I: adds a row.
    Insert,
    /// −U: takes back the old form of an updated row.
    UpdateBefore,
    /// +U: the new form of an updated row.
    UpdateAfter,
    /// −D: removes a row.
    Delete,
}

impl RowKind {
    /// Flink's short form: `+I`, `-U`, `+U`, `-D`.
    pub fn short(self) -> &'static str {
        match self {
            RowKind::Insert => "+I",
            RowKind::UpdateBefore => "-U",
            RowKind::UpdateAfter => "+U",
            RowKind::Delete => "-D",
        }
    }
}
