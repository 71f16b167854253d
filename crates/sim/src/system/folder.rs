//! A folder of files: hidden ones that are being written or wait for their commit, and visible
//! ones, which readers see.

use std::collections::BTreeMap;

use argus_base::commit::{Generation, Incarnation};
use argus_base::id::CheckpointId;

/// The folder.
#[derive(Default)]
pub struct Folder {
    /// Files that nobody sees, by name.
    pub hidden: BTreeMap<String, Vec<String>>,
    /// Files that readers see: their lines.
    pub visible: BTreeMap<String, Vec<String>>,
    /// Who owns it, and what is visible.
    pub marker: Option<FolderMarker>,
}

/// The file that says what is visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderMarker {
    /// Whose epochs.
    pub incarnation: Incarnation,
    /// The owner.
    pub generation: Generation,
    /// The last epoch that is visible.
    pub checkpoint: CheckpointId,
}
