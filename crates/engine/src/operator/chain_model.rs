//! Which sections a restore needs, written as plainly as possible: for tests of operators, beside
//! which the coordinator's own chains (`checkpoint/chain.rs`) are tested alone.

use argus_state::snapshot::{N_TURNS, Section};

/// What a subtask left in the store.
#[derive(Clone, Default)]
pub struct Chain {
    /// Sections of a former life.
    pub restored: Vec<Section>,
    /// Turns and section of each seal.
    sealed: Vec<(u64, Option<Section>)>,
}

impl Chain {
    /// A seal of so many turns, and what it wrote.
    pub fn seal(&mut self, n_turns: u64, section: Option<Section>) {
        self.sealed.push((n_turns, section));
        let mut n_known = 0;
        let first_needed = self.sealed.iter().rposition(|(n_turns, _)| {
            n_known += n_turns;
            n_known >= N_TURNS
        });
        if let Some(first_needed) = first_needed {
            self.restored.clear();
            self.sealed.drain(..first_needed);
        }
    }

    /// What a restore needs, oldest first.
    pub fn sections(&self) -> Vec<Section> {
        let sealed = self.sealed.iter().filter_map(|(_, section)| section.as_ref());
        self.restored.iter().chain(sealed).cloned().collect()
    }
}
