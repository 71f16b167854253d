//! When each life of a job ends: a seed decides.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use argus_base::Env;
use argus_base::fault::FaultPoint;

use super::random::Random;

/// Kills of all jobs together, where `ARGUS_KILL_ROUNDS` says nothing.
const N_ROUNDS: usize = 30;
/// Every so many rounds the moment is a random one, at no point of its own.
const RANDOM_EVERY: usize = 3;
/// When random moments are, in milliseconds after the start of the process.
const RANDOM_MILLIS: std::ops::RangeInclusive<u64> = 20..=2_500;

/// A job of the harness.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Points that it never comes to.
    pub without: &'static [FaultPoint],
}

/// One side of a fault point: `seal:before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Side {
    point: FaultPoint,
    is_after: bool,
}

/// When a life ends.
#[derive(Clone, Copy, Debug)]
pub enum Death {
    /// When the process comes to a side for that time, from 1.
    At(Side, u64),
    /// So long after its start.
    After(Duration),
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.point.name(), if self.is_after { "after" } else { "before" })
    }
}

impl Side {
    fn all() -> impl Iterator<Item = Side> {
        let sides = |point| [false, true].map(|is_after| Side { point, is_after });
        FaultPoint::ALL.into_iter().flat_map(sides)
    }

    /// How often a process may have been there before it dies: what it comes to often it may
    /// survive often.
    fn times(self, random: &mut Random) -> u64 {
        random.within(match self.point {
            FaultPoint::Fence => 1..=1,
            FaultPoint::Manifest | FaultPoint::Commit => 1..=6,
            FaultPoint::Publish => 1..=3,
            FaultPoint::Upload | FaultPoint::Marker => 1..=10,
            FaultPoint::Seal | FaultPoint::Discard => 1..=16,
        })
    }
}

/// The seed of this run, printed by each job: `ARGUS_KILL_SEED`, or a new one.
pub fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| match std::env::var("ARGUS_KILL_SEED") {
        Ok(text) => text.parse().expect("ARGUS_KILL_SEED is a number"),
        Err(_) => Env::system().random() % 1_000_000,
    })
}

/// Kills of all jobs together.
fn n_rounds() -> usize {
    let text = std::env::var("ARGUS_KILL_ROUNDS").ok().filter(|text| !text.is_empty());
    text.map_or(N_ROUNDS, |text| text.parse().expect("ARGUS_KILL_ROUNDS is a number"))
}

/// The deaths of one of the targets, in order. All targets together come to every side once
/// before any side has its second turn.
pub fn deaths(target: &Target, targets: &[Target]) -> Vec<Death> {
    let mut random = Random::new(seed(), target.name);
    let index = targets.iter().position(|other| other.name == target.name).unwrap();
    let n_own = (n_rounds() + index) / targets.len();
    let mut sides = turn(target, targets).into_iter();
    let mut deaths = Vec::new();
    for round in 1..=n_own {
        if round % RANDOM_EVERY == 0 {
            deaths.push(Death::After(Duration::from_millis(random.within(RANDOM_MILLIS))));
            continue;
        }
        let side = sides.next().unwrap_or_else(|| {
            let mut again: Vec<Side> = reached(target).collect();
            random.shuffle(&mut again);
            sides = again.into_iter();
            sides.next().unwrap()
        });
        deaths.push(Death::At(side, side.times(&mut random)));
    }
    deaths
}

fn reached(target: &Target) -> impl Iterator<Item = Side> {
    Side::all().filter(|side| !target.without.contains(&side.point))
}

/// The sides of a target's first turn: first those that no other has taken.
fn turn(target: &Target, targets: &[Target]) -> Vec<Side> {
    let mut random = Random::new(seed(), "turn");
    let mut all: Vec<Side> = Side::all().collect();
    random.shuffle(&mut all);
    // What few come to is dealt first.
    all.sort_by_key(|side| targets.iter().filter(|t| reached(t).any(|s| s == *side)).count());
    let mut dealt: Vec<Vec<Side>> = vec![Vec::new(); targets.len()];
    for side in &all {
        let able = (0..targets.len()).filter(|t| reached(&targets[*t]).any(|s| s == *side));
        if let Some(taker) = able.min_by_key(|taker| dealt[*taker].len()) {
            dealt[taker].push(*side);
        }
    }
    let index = targets.iter().position(|other| other.name == target.name).unwrap();
    let mut own = dealt.swap_remove(index);
    let mut others: Vec<Side> = reached(target).filter(|side| !own.contains(side)).collect();
    Random::new(seed(), target.name).shuffle(&mut others);
    own.extend(others);
    own
}
