//! Stable identities of operators: a fingerprint of the bound plan above each.
//!
//! The fingerprint hashes a canonical text of what an operator computes together with its
//! inputs' fingerprints, and an ordinal among equals. It does not see spans, names of views,
//! comments, parallelism or rewrites, so an edited script keeps the state of what did not change.

use argus_base::id::OperatorId;
use argus_base::key_group::key_hash;

/// Hands out the ids of one job.
#[derive(Debug, Default)]
pub struct Fingerprints {
    given: std::collections::HashMap<u64, u64>,
}

impl Fingerprints {
    /// The id of an operator: `canonical` is what it does, in a text that means the same for
    /// ever; `inputs` are the ids of its inputs, in order.
    pub fn id(&mut self, canonical: &str, inputs: &[OperatorId]) -> OperatorId {
        let mut bytes = canonical.as_bytes().to_vec();
        for input in inputs {
            bytes.extend_from_slice(&input.0.to_le_bytes());
        }
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
