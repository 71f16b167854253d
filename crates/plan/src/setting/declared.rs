//! The settings that this engine reads, each declared once, and their old names.

use argus_base::option::{OptionKind, OptionSpec};

use super::restart;

const POSITIVE: OptionKind = OptionKind::Int { min: 1, max: 32_768 };

/// Settings this engine reads. Flink's own keys keep Flink's meaning; any other key of Flink is
/// accepted and ignored, as Flink does; an unknown `argus.` key is refused.
pub const SETTINGS: &[OptionSpec] = &[
    OptionSpec::new(
        "pipeline.name",
        OptionKind::Text,
        "Name of the job; the file's name without it.",
    ),
    OptionSpec::new("parallelism.default", POSITIVE, "Number of slots.").default("1"),
    OptionSpec::new(
        "table.exec.resource.default-parallelism",
        OptionKind::Int { min: -1, max: 32_768 },
        "Number of slots; goes before parallelism.default unless -1.",
    )
    .default("-1"),
    OptionSpec::new("pipeline.max-parallelism", POSITIVE, "Number of key groups.").default("128"),
    OptionSpec::new(
        "pipeline.auto-watermark-interval",
        OptionKind::Duration,
        "Least wall-clock time between two watermarks that close no window.",
    )
    .default("200 ms"),
    OptionSpec::new(
        "table.local-time-zone",
        OptionKind::Text,
        "Session time zone; default: the system's.",
    )
    .default("default"),
    OptionSpec::new(
        "table.exec.source.idle-timeout",
        OptionKind::Duration,
        "A split without rows for this long holds no watermark back; 0 waits for ever.",
    )
    .default("0 ms"),
    OptionSpec::new(
        "execution.runtime-mode",
        OptionKind::Enum(&["streaming", "batch", "automatic"]),
        "Only streaming runs here.",
    )
    .default("streaming"),
    OptionSpec::new("table.dml-sync", OptionKind::Bool, "Run INSERT statements one after another.")
        .default("false"),
    OptionSpec::new(
        "table.exec.sink.not-null-enforcer",
        OptionKind::Enum(&["ERROR", "DROP"]),
        "What a NULL in a NOT NULL column of a sink does.",
    )
    .default("ERROR"),
    OptionSpec::new(
        "table.exec.sink.type-length-enforcer",
        OptionKind::Enum(&["IGNORE", "TRIM_PAD", "ERROR"]),
        "What a text longer than its column does.",
    )
    .default("IGNORE"),
    OptionSpec::new(
        "table.optimizer.agg-phase-strategy",
        OptionKind::Enum(&["AUTO", "ONE_PHASE", "TWO_PHASE"]),
        "Whether windows aggregate before the exchange as well.",
    )
    .default("AUTO"),
    OptionSpec::new(
        "table.dynamic-table-options.enabled",
        OptionKind::Bool,
        "Allow OPTIONS hints.",
    )
    .default("true"),
    OptionSpec::new(
        "argus.watermark.idle-when-caught-up",
        OptionKind::Bool,
        "A split whose records have all been read holds no watermark back.",
    )
    .default("false"),
    OptionSpec::new(
        "argus.watermark.advance-when-idle",
        OptionKind::Duration,
        "All splits idle for this long: the watermark goes on with the clock; 0 never.",
    )
    .default("0 ms"),
    OptionSpec::new(
        "argus.source.on-error",
        OptionKind::Enum(&["fail", "skip"]),
        "What a record that cannot be decoded, or a row that a sink refuses for its content, does.",
    )
    .default("fail"),
    OptionSpec::new(
        "argus.connect.timeout",
        OptionKind::Duration,
        "How long to wait at the start for a server that is away.",
    )
    .default("60 s"),
    OptionSpec::new(
        "argus.datagen.seed",
        OptionKind::Int { min: i64::MIN, max: i64::MAX },
        "Seed of datagen.",
    ),
    OptionSpec::new(
        "argus.datagen.rows-per-minute",
        OptionKind::Text,
        "Rate of datagen; empty: its own.",
    ),
    OptionSpec::new(
        "argus.datagen.number-of-rows",
        OptionKind::Text,
        "Rows of datagen; 0 or empty: its own.",
    ),
    OptionSpec::new(
        "argus.datagen.start",
        OptionKind::Text,
        "Event time of datagen's row 0; empty: now.",
    ),
    OptionSpec::new(
        "argus.datagen.speed",
        OptionKind::Text,
        "Times real time; 0 is as fast as possible.",
    ),
    OptionSpec::new(
        "argus.datagen.fresh-columns",
        OptionKind::List,
        "Columns of datagen that differ from start to start; not with argus.datagen.start.",
    ),
    OptionSpec::new(
        "execution.checkpointing.interval",
        OptionKind::Duration,
        "Time from one checkpoint to the next; 1 s where only a folder is given, 0 takes none.",
    ),
    OptionSpec::new(
        "execution.checkpointing.dir",
        OptionKind::Text,
        "Where checkpoints go: a path, file://…, or s3://bucket/prefix. Each job has a folder \
         there.",
    ),
    OptionSpec::new(
        "execution.checkpointing.savepoint-dir",
        OptionKind::Text,
        "Where savepoints go; default: the folder 'savepoint' of the job's checkpoints.",
    ),
    OptionSpec::new(
        "execution.checkpointing.timeout",
        OptionKind::Duration,
        "A checkpoint that takes longer has failed.",
    )
    .default("10 min"),
    OptionSpec::new(
        "execution.checkpointing.min-pause",
        OptionKind::Duration,
        "Least time from the end of a checkpoint to the next one's begin.",
    )
    .default("0 s"),
    OptionSpec::new(
        "execution.checkpointing.tolerable-failed-checkpoints",
        OptionKind::Int { min: 0, max: i32::MAX as i64 },
        "More failures than these in a row fail the job.",
    )
    .default("0"),
    OptionSpec::new(
        "execution.checkpointing.num-retained",
        OptionKind::Int { min: 1, max: i32::MAX as i64 },
        "Number of checkpoints kept.",
    )
    .default("1"),
    OptionSpec::new(
        "argus.savepoint.interval",
        OptionKind::Duration,
        "Time from one savepoint to the next; 0 takes only those that are asked for.",
    )
    .default("0 s"),
    OptionSpec::new(
        "table.exec.state.ttl",
        OptionKind::Duration,
        "Keyed state that was not updated for this long may be dropped; 0 keeps it. Windows drop \
         their state when they fire.",
    )
    .default("0 ms"),
    OptionSpec::new(
        "argus.state.memory-limit",
        OptionKind::MemorySize,
        "Resident memory of the process beyond which state spills to local disk. Default: none.",
    ),
    OptionSpec::new(
        "argus.state.spill-dir",
        OptionKind::Text,
        "Local folder in which each worker keeps spilled state, in a folder of its own that goes \
         with the job; default: the temporary folder.",
    ),
    OptionSpec::new(
        "argus.jdbc.delivery-guarantee",
        OptionKind::Enum(&["upsert", "exactly-once"]),
        "How a table with a primary key is written under checkpoints: early by key where replay \
         gives the same keys, or always staged and applied in one transaction a checkpoint.",
    )
    .default("upsert"),
    OptionSpec::new(
        "restart-strategy.type",
        OptionKind::Enum(restart::TYPES),
        "What follows a failure inside the job; default: exponential-delay with checkpoints, else \
         none. Flink's other spellings are the same.",
    ),
    OptionSpec::new(
        "restart-strategy.exponential-delay.initial-backoff",
        OptionKind::Duration,
        "First pause.",
    )
    .default("1 s"),
    OptionSpec::new(
        "restart-strategy.exponential-delay.max-backoff",
        OptionKind::Duration,
        "Longest pause.",
    )
    .default("60 s"),
    OptionSpec::new(
        "restart-strategy.exponential-delay.backoff-multiplier",
        OptionKind::Double,
        "Factor from one pause to the next, from 1.",
    )
    .default("1.5"),
    OptionSpec::new(
        "restart-strategy.exponential-delay.reset-backoff-threshold",
        OptionKind::Duration,
        "After running this long the pauses begin anew.",
    )
    .default("1 h"),
    OptionSpec::new(
        "restart-strategy.exponential-delay.attempts-before-reset-backoff",
        OptionKind::Int { min: 1, max: i32::MAX as i64 },
        "Failures in a row after which the job fails; default: none.",
    ),
    OptionSpec::new(
        "restart-strategy.fixed-delay.attempts",
        OptionKind::Int { min: 0, max: i32::MAX as i64 },
        "Number of restarts.",
    )
    .default("1"),
    OptionSpec::new(
        "restart-strategy.fixed-delay.delay",
        OptionKind::Duration,
        "Pause before each.",
    )
    .default("1 s"),
    OptionSpec::new(
        "restart-strategy.failure-rate.max-failures-per-interval",
        OptionKind::Int { min: 1, max: i32::MAX as i64 },
        "More failures than these in an interval fail the job.",
    )
    .default("1"),
    OptionSpec::new(
        "restart-strategy.failure-rate.failure-rate-interval",
        OptionKind::Duration,
        "The interval.",
    )
    .default("60 s"),
    OptionSpec::new(
        "restart-strategy.failure-rate.delay",
        OptionKind::Duration,
        "Pause before each restart.",
    )
    .default("1 s"),
    OptionSpec::new(
        "argus.kafka.create-topic-partitions",
        OptionKind::Text,
        "Partitions of a missing topic that a Kafka sink creates; empty: it is an error.",
    ),
];

/// Names of Flink 1.x that Flink 2.2 still reads, where the new one is not written.
pub(super) const OLD_NAMES: &[(&str, &str)] = &[
    ("state.checkpoints.dir", "execution.checkpointing.dir"),
    ("state.backend.fs.checkpointdir", "execution.checkpointing.dir"),
    ("state.savepoints.dir", "execution.checkpointing.savepoint-dir"),
    ("savepoints.state.backend.fs.dir", "execution.checkpointing.savepoint-dir"),
    ("state.checkpoints.num-retained", "execution.checkpointing.num-retained"),
    ("restart-strategy", "restart-strategy.type"),
];
