//! Watermarks of several inputs merged into one: the minimum over those that are not idle, or the
//! maximum once all are. Source of the rule: Flink's `StatusWatermarkValve`.
//!
//! ```text
//! active ──idle──▶ idle ──active, batch or watermark──▶ active
//!    └──────────────end──────────▶ ended
//! ```
//!
//! An input that ended by itself said `Watermark::MAX` before and no longer counts while others
//! are there; one that was stopped did not, and holds the rest where it stood: a window that its
//! rows could still have changed never fires.

use argus_base::time::Watermark;

/// Merges the watermarks of a fixed or growing number of inputs. The result never goes back.
#[derive(Clone, Debug, Default)]
pub struct WatermarkMerge {
    inputs: Vec<Input>,
    merged: Option<Watermark>,
    is_idle: bool,
}

#[derive(Clone, Copy, Debug)]
struct Input {
    watermark: Watermark,
    state: InputState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InputState {
    Active,
    Idle,
    Ended,
}

/// What a change of one input did to the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Merged {
    /// The merged watermark, where it advanced.
    pub advanced: Option<Watermark>,
    /// All inputs have just become idle.
    pub became_idle: bool,
}

impl WatermarkMerge {
    /// With that many inputs, all active and without watermark.
    pub fn new(n_inputs: usize) -> WatermarkMerge {
        let mut merge = WatermarkMerge::default();
        for _ in 0..n_inputs {
            merge.add_input();
        }
        merge
    }

    /// A further input, active and without watermark; its position is the next number.
    pub fn add_input(&mut self) {
        self.add_input_at(Watermark::MIN);
    }

    /// A further input that goes on where it was. The merged watermark follows with the next
    /// change: inputs that are still to be added may be behind this one.
    pub fn add_input_at(&mut self, watermark: Watermark) {
        self.inputs.push(Input { watermark, state: InputState::Active });
        self.is_idle = false;
    }

    /// An input has ended by itself, and no longer counts once `settle` says so: inputs that are
    /// still to be added may be behind all others.
    pub fn finish(&mut self, input: usize) {
        self.inputs[input] = Input { watermark: Watermark::MAX, state: InputState::Ended };
    }

    /// All inputs of now have been added: the merged watermark follows at once. Where all have
    /// ended it stays, since others may be added.
    pub fn settle(&mut self) -> Merged {
        if self.is_ended() { Merged::default() } else { self.merge() }
    }

    /// Number of inputs.
    pub fn len(&self) -> usize {
        self.inputs.len()
    }

    /// Whether there is no input.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// The merged watermark; `Watermark::MIN` before there is one.
    pub fn merged(&self) -> Watermark {
        self.merged.unwrap_or(Watermark::MIN)
    }

    /// Whether every input is idle or ended, and not all have ended.
    pub fn is_idle(&self) -> bool {
        self.is_idle
    }

    /// Whether every input has ended.
    pub fn is_ended(&self) -> bool {
        self.inputs.iter().all(|input| input.state == InputState::Ended)
    }

    /// Whether the input is idle.
    pub fn is_input_idle(&self, input: usize) -> bool {
        self.inputs[input].state == InputState::Idle
    }

    /// The watermark of one input.
    pub fn of_input(&self, input: usize) -> Watermark {
        self.inputs[input].watermark
    }

    /// An input sent a watermark; smaller ones than its last change nothing.
    pub fn watermark(&mut self, input: usize, watermark: Watermark) -> Merged {
        let entry = &mut self.inputs[input];
        entry.watermark = entry.watermark.max(watermark);
        if entry.state == InputState::Idle {
            entry.state = InputState::Active;
        }
        self.merge()
    }

    /// An input sent a row, or said that rows come. Returns whether all were idle until then.
    pub fn activity(&mut self, input: usize) -> bool {
        if self.inputs[input].state != InputState::Idle {
            return false;
        }
        self.inputs[input].state = InputState::Active;
        std::mem::take(&mut self.is_idle)
    }

    /// An input no longer holds the others back.
    pub fn idle(&mut self, input: usize) -> Merged {
        if self.inputs[input].state == InputState::Active {
            self.inputs[input].state = InputState::Idle;
        }
        self.merge()
    }

    /// An input has ended.
    pub fn end(&mut self, input: usize) -> Merged {
        self.inputs[input].state = InputState::Ended;
        self.merge()
    }

    /// Moves the merged watermark on although no input said so.
    pub fn advance_to(&mut self, watermark: Watermark) {
        self.merged = Some(self.merged().max(watermark));
    }

    fn merge(&mut self) -> Merged {
        let mut result = Merged::default();
        let holds = |input: &&Input| match input.state {
            InputState::Active => true,
            InputState::Idle => false,
            InputState::Ended => input.watermark < Watermark::MAX,
        };
        let held = self.inputs.iter().filter(holds).map(|input| input.watermark).min();
        let mut candidate = held.unwrap_or(Watermark::MAX);
        let any_idle = self.inputs.iter().any(|input| input.state == InputState::Idle);
        let all_idle = any_idle && held.is_none();
        if all_idle {
            // Nobody holds anybody back: the farthest of them counts.
            let idle = self.inputs.iter().filter(|input| input.state == InputState::Idle);
            candidate = candidate.min(idle.map(|input| input.watermark).max().unwrap_or(candidate));
            result.became_idle = !self.is_idle;
        }
        self.is_idle = all_idle;
        if !self.inputs.is_empty() && candidate > self.merged() {
            self.merged = Some(candidate);
            result.advanced = Some(candidate);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Merged = Merged { advanced: None, became_idle: false };

    fn advanced(to: i64) -> Merged {
        Merged { advanced: Some(Watermark(to)), became_idle: false }
    }

    #[test]
    fn inputs_that_go_on_do_not_run_ahead_of_those_to_come() {
        let mut merge = WatermarkMerge::default();
        merge.add_input_at(Watermark(20));
        assert_eq!(merge.merged(), Watermark::MIN);
        merge.add_input_at(Watermark(5));
        assert_eq!(merge.settle(), advanced(5));
        assert_eq!(merge.watermark(0, Watermark(21)), NOTHING);
        assert_eq!(merge.watermark(1, Watermark(30)), advanced(21));
    }

    #[test]
    fn inputs_that_end_at_once_wait_for_those_to_come() {
        let mut merge = WatermarkMerge::new(1);
        merge.finish(0);
        assert_eq!(merge.settle(), NOTHING);
        merge.add_input();
        assert_eq!(merge.watermark(1, Watermark(5)), advanced(5));
        merge.finish(1);
        assert_eq!((merge.settle(), merge.merged()), (NOTHING, Watermark(5)));
    }

    #[test]
    fn the_slowest_input_decides() {
        let mut merge = WatermarkMerge::new(2);
        assert_eq!(merge.watermark(0, Watermark(5)), NOTHING);
        assert_eq!(merge.watermark(1, Watermark(3)), advanced(3));
        assert_eq!(merge.watermark(1, Watermark(9)), advanced(5));
        assert_eq!(merge.watermark(1, Watermark(4)), NOTHING, "never back");
        assert_eq!(merge.merged(), Watermark(5));
    }

    #[test]
    fn idle_inputs_do_not_hold_back_and_come_back_without_going_back() {
        let mut merge = WatermarkMerge::new(2);
        merge.watermark(0, Watermark(5));
        assert_eq!(merge.idle(1), advanced(5));
        assert_eq!(merge.watermark(0, Watermark(7)), advanced(7));
        assert_eq!(merge.watermark(1, Watermark(2)), NOTHING);
        assert_eq!(merge.watermark(0, Watermark(8)), NOTHING, "input 1 holds back again");
        assert_eq!(merge.watermark(1, Watermark(8)), advanced(8));
    }

    #[test]
    fn all_idle_is_told_once() {
        let mut merge = WatermarkMerge::new(2);
        assert_eq!(merge.idle(0), NOTHING);
        assert!(merge.idle(1).became_idle);
        assert!(!merge.idle(1).became_idle);
        merge.activity(0);
        assert!(merge.idle(0).became_idle);
    }

    #[test]
    fn once_all_are_idle_the_farthest_counts() {
        let mut merge = WatermarkMerge::new(2);
        merge.watermark(0, Watermark(9));
        assert_eq!(merge.idle(0), NOTHING);
        assert_eq!(merge.idle(1), Merged { advanced: Some(Watermark(9)), became_idle: true });
    }

    #[test]
    fn ended_inputs_let_the_others_go_on() {
        let mut merge = WatermarkMerge::new(2);
        merge.watermark(0, Watermark(5));
        assert_eq!(merge.watermark(1, Watermark::MAX), advanced(5));
        assert_eq!(merge.end(1), NOTHING);
        assert_eq!(merge.watermark(0, Watermark(9)), advanced(9));
        assert!(!merge.is_ended());
        assert_eq!(merge.watermark(0, Watermark::MAX), advanced(i64::MAX));
        merge.end(0);
        assert!(merge.is_ended() && !merge.is_idle());
    }

    #[test]
    fn a_stopped_input_holds_the_others_where_it_stood() {
        let mut merge = WatermarkMerge::new(2);
        merge.watermark(0, Watermark(5));
        merge.watermark(1, Watermark(3));
        assert_eq!(merge.end(1), NOTHING);
        assert_eq!(merge.watermark(0, Watermark(9)), NOTHING);
    }

    #[test]
    fn a_stopped_input_among_idle_ones_is_not_idle() {
        let mut merge = WatermarkMerge::new(2);
        merge.watermark(0, Watermark(5));
        merge.watermark(1, Watermark(9));
        assert_eq!(merge.idle(1), NOTHING);
        assert_eq!(merge.end(0), NOTHING);
        assert!(!merge.is_idle(), "others would leave it behind");
    }

    #[test]
    fn an_input_that_ends_among_idle_ones_does_not_stall_the_rest() {
        let mut merge = WatermarkMerge::new(3);
        merge.watermark(0, Watermark(5));
        merge.idle(1);
        assert_eq!(merge.watermark(2, Watermark::MAX), advanced(5));
        merge.end(2);
        assert_eq!(merge.watermark(0, Watermark(6)), advanced(6));
        assert!(merge.idle(0).became_idle, "the ended one fires nothing that idle ones hold");
        assert_eq!(merge.merged(), Watermark(6));
    }
}
