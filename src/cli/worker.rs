//! Arguments of the commands that speak to a running worker, or look at what one has stored.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

pub const STOP_EXAMPLES: &str = "\
Examples:
  argus stop orders --dir /var/lib/argus               a last checkpoint, then the worker ends
  argus stop orders --dir /var/lib/argus --savepoint   the same with a savepoint of where it ends
  argus stop orders --dir /var/lib/argus --drain       for good: every window fires before
  argus stop --control /run/orders.sock

Exit codes: 0 the worker has ended; 1 no worker found, or it did not end in time; 2 arguments.";

pub const SAVEPOINT_EXAMPLES: &str = "\
Examples:
  argus savepoint orders --dir /var/lib/argus --to /backups
  argus run orders.sql --from-savepoint \"$(argus savepoint orders --dir /var/lib/argus)\"

Without --to it goes to execution.checkpointing.savepoint-dir, else to the folder 'savepoint' of
the job's checkpoints. Exit codes: 0 it is complete; 1 no worker found, or it failed; 2 arguments.";

pub const STATUS_EXAMPLES: &str = "\
Examples:
  argus status orders --dir /var/lib/argus
  argus status orders --dir s3://bucket/jobs --json | jq .checkpoints.last.age_ms

Exit codes: 0 told; 1 no worker found; 2 arguments.";

pub const SHOW_EXAMPLES: &str = "\
Examples:
  argus state show /var/lib/argus/orders              what is in DIR/JOB
  argus state show /backups/savepoint-orders-41-5f0c21d3   what is in a savepoint
  argus state show /var/lib/argus/orders --rows 10    ten rows of each operator's state
  argus state show s3://bucket/jobs/orders --set s3.endpoint=http://localhost:9000 --json

Nothing is changed, and a worker may be running. Damaged files are told, with exit code 0.";

/// Which worker is meant.
#[derive(Debug, Args)]
pub struct WorkerArguments {
    /// The job, as pipeline.name calls it
    #[arg(value_name = "JOB")]
    pub job: Option<String>,
    /// The job's execution.checkpointing.dir; default: $ARGUS_CHECKPOINT_DIR
    #[arg(long, value_name = "DIR", conflicts_with = "control")]
    pub dir: Option<String>,
    /// The worker's control socket, where it is not DIR/JOB/control.sock
    #[arg(long, value_name = "PATH")]
    pub control: Option<PathBuf>,
    /// How long to wait
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout: u64,
}

/// Arguments of `stop`.
#[derive(Debug, Args)]
pub struct StopArguments {
    #[command(flatten)]
    pub worker: WorkerArguments,
    /// Fire every window before: the job is not meant to go on later
    #[arg(long)]
    pub drain: bool,
    /// Make a savepoint of where it ends
    #[arg(long)]
    pub savepoint: bool,
    /// Where the savepoint goes; implies --savepoint
    #[arg(long, value_name = "DIR", value_parser = NonEmptyStringValueParser::new())]
    pub to: Option<String>,
}

/// Arguments of `savepoint`.
#[derive(Debug, Args)]
pub struct SavepointArguments {
    #[command(flatten)]
    pub worker: WorkerArguments,
    /// Where it goes
    #[arg(long, value_name = "DIR", value_parser = NonEmptyStringValueParser::new())]
    pub to: Option<String>,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArguments {
    #[command(flatten)]
    pub worker: WorkerArguments,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `state`.
#[derive(Debug, Args)]
pub struct StateArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: StateCommand,
}

/// What to do with stored state.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// Shows checkpoints, operators, positions, sizes and rows of a job's state or of a savepoint
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowArguments),
}

/// Arguments of `state show`.
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// DIR/JOB, or a savepoint: a path, file://… or s3://…
    #[arg(value_name = "DIR/JOB")]
    pub place: String,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
    /// As many rows of each operator's state, as lines of JSON
    #[arg(long, value_name = "N")]
    pub rows: Option<usize>,
    /// The checkpoint whose operators and rows are shown; default: the last committed one
    #[arg(long, value_name = "ID")]
    pub checkpoint: Option<u64>,
    /// A setting, such as s3.endpoint
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = super::setting)]
    pub settings: Vec<(String, String)>,
}
