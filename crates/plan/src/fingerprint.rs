//! Stable identities of operators: a fingerprint of the bound plan above each.
//!
//! The fingerprint hashes a canonical text of what an operator computes together with its
//! inputs' fingerprints, and an ordinal among equals. It does not see spans, names of views,
//! comments, parallelism or rewrites, so an edited script keeps the state of what did not change.
//! Nothing here may ever hash anything else: state of running jobs is found by these ids.

use argus_base::id::OperatorId;
use argus_base::key_group::key_hash;
use argus_base::{Field, LogicalType, TypeRoot};

/// Hands out the ids of one job.
#[derive(Debug, Default)]
pub struct Fingerprints {
    given: std::collections::HashMap<u64, u64>,
}

impl Fingerprints {
    /// The id of an operator: `canonical` is what it does, in a text that means the same for
    /// ever; `inputs` are the ids of its inputs, in order.
    pub fn id(&mut self, canonical: &str, inputs: &[OperatorId]) -> OperatorId {
        let mut bytes = bytes_of(canonical, inputs);
        let hash = key_hash(&bytes);
        let ordinal = self.given.entry(hash).or_insert(0);
        *ordinal += 1;
        if *ordinal == 1 {
            return OperatorId(hash);
        }
        bytes.extend_from_slice(&ordinal.to_le_bytes());
        OperatorId(key_hash(&bytes))
    }
}

/// As [`Fingerprints::id`], but the same for equal ones.
pub fn fingerprint(canonical: &str, inputs: &[OperatorId]) -> OperatorId {
    OperatorId(key_hash(&bytes_of(canonical, inputs)))
}

fn bytes_of(canonical: &str, inputs: &[OperatorId]) -> Vec<u8> {
    let mut bytes = canonical.as_bytes().to_vec();
    for input in inputs {
        bytes.extend_from_slice(&input.0.to_le_bytes());
    }
    bytes
}

/// The type of a value in state, in a text that is the same for types whose values are stored
/// alike: lengths of texts and NOT NULL make no difference.
pub fn stored_type(logical_type: &LogicalType) -> String {
    match &logical_type.root {
        TypeRoot::Char(_) | TypeRoot::VarChar(_) => TypeRoot::STRING.to_string(),
        TypeRoot::Binary(_) | TypeRoot::VarBinary(_) => TypeRoot::BYTES.to_string(),
        TypeRoot::Timestamp { precision, .. } => format!("TIMESTAMP({})", unit(*precision)),
        TypeRoot::TimestampLtz { precision, .. } => format!("TIMESTAMP_LTZ({})", unit(*precision)),
        TypeRoot::Array(element) => format!("ARRAY<{}>", stored_type(element)),
        TypeRoot::Multiset(element) => format!("MULTISET<{}>", stored_type(element)),
        TypeRoot::Map(key, value) => format!("MAP<{}, {}>", stored_type(key), stored_type(value)),
        TypeRoot::Row(fields) => {
            let stored =
                |field: &Field| format!("`{}` {}", field.name, stored_type(&field.logical_type));
            format!("ROW<{}>", fields.iter().map(stored).collect::<Vec<String>>().join(", "))
        }
        TypeRoot::Time(_) => "TIME".to_owned(),
        other => other.to_string(),
    }
}

/// Timestamps are counts of milliseconds, microseconds or nanoseconds.
fn unit(precision: u8) -> u8 {
    precision.div_ceil(3).max(1) * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_are_told_apart_by_their_turn() {
        let mut fingerprints = Fingerprints::default();
        let first = fingerprints.id("a", &[]);
        assert_eq!(first, fingerprint("a", &[]));
        assert_ne!(fingerprints.id("a", &[]), first);
        assert_ne!(fingerprints.id("a", &[first]), first);
    }

    #[test]
    fn types_that_are_stored_alike_have_one_text() {
        let text = |root: TypeRoot| stored_type(&root.not_null());
        assert_eq!(text(TypeRoot::Char(3)), text(TypeRoot::STRING));
        assert_eq!(text(TypeRoot::timestamp(0)), "TIMESTAMP(3)");
        assert_eq!(text(TypeRoot::timestamp_ltz(4)), "TIMESTAMP_LTZ(6)");
        let list = TypeRoot::Array(Box::new(TypeRoot::VarBinary(2).nullable()));
        assert_eq!(text(list), "ARRAY<BYTES>");
        let decimal = |precision| TypeRoot::Decimal { precision, scale: 2 };
        assert_ne!(text(decimal(10)), text(decimal(12)));
    }
}
