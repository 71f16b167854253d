//! Java client properties other than security, said in librdkafka's words.
//!
//! Three things can happen to a property: it is passed on (perhaps under another name or unit),
//! it has no counterpart and is ignored with one warning, or the connector decides it itself.

use super::security::Properties;

/// Which of the two clients a property is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Reads.
    Consumer,
    /// Writes.
    Producer,
}

/// What becomes of one property.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    /// Passed to librdkafka.
    Set(&'static str, String),
    /// Decided by the connector, or without meaning for this role: dropped in silence.
    Own,
    /// Ordinary in Java, without a counterpart here.
    Ignored,
    /// Not known to us: librdkafka may know it.
    Unknown,
}

/// One librdkafka setting and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Java name, for messages.
    pub property: String,
    /// librdkafka's name.
    pub name: &'static str,
    /// Value in librdkafka's unit.
    pub value: String,
}

/// The outcome for all properties of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translated {
    /// What librdkafka is told.
    pub settings: Vec<Setting>,
    /// Names to try on librdkafka: it takes them, or they are ignored with a warning.
    pub unknown: Vec<(String, String)>,
    /// Java names that have no effect, to be warned about once.
    pub ignored: Vec<String>,
}

/// Translates every property that is not about security.
pub fn translate(properties: &Properties, role: Role) -> Result<Translated, (String, String)> {
    let mut translated = Translated::default();
    for (name, value) in properties.iter().filter(|(name, _)| !super::security::owns(name)) {
        let fate = fate(name, value.trim(), role).map_err(|problem| (name.clone(), problem))?;
        match fate {
            Fate::Set(setting, value) => {
                let property = name.clone();
                translated.settings.push(Setting { property, name: setting, value });
            }
            Fate::Own => {}
            Fate::Ignored => translated.ignored.push(name.clone()),
            Fate::Unknown => translated.unknown.push((name.clone(), value.clone())),
        }
    }
    Ok(translated)
}

fn fate(name: &str, value: &str, role: Role) -> Result<Fate, String> {
    if let Some(setting) = same_name(name) {
        return Ok(Fate::Set(setting, value.to_owned()));
    }
    if let Some(fate) = common(name, value)? {
        return Ok(fate);
    }
    let (own, other) = match role {
        Role::Consumer => (consumer(name, value), producer(name, value)?),
        Role::Producer => (producer(name, value)?, consumer(name, value)),
    };
    Ok(own.unwrap_or(if other.is_some() { Fate::Own } else { Fate::Unknown }))
}

/// Properties of both clients that have the same name and unit in both worlds.
fn same_name(name: &str) -> Option<&'static str> {
    const SAME: [&str; 9] = [
        "client.id",
        "client.rack",
        "client.dns.lookup",
        "connections.max.idle.ms",
        "reconnect.backoff.ms",
        "reconnect.backoff.max.ms",
        "retry.backoff.ms",
        "retry.backoff.max.ms",
        "socket.connection.setup.timeout.ms",
    ];
    SAME.into_iter().find(|same| *same == name)
}

fn common(name: &str, value: &str) -> Result<Option<Fate>, String> {
    let fate = match name {
        "bootstrap.servers" => Fate::Own,
        // The Java client's limit on every request; librdkafka's setting of that name is another.
        "request.timeout.ms" => Fate::Set("socket.timeout.ms", value.to_owned()),
        "metadata.max.age.ms" => Fate::Set("topic.metadata.refresh.interval.ms", value.to_owned()),
        "send.buffer.bytes" => Fate::Set("socket.send.buffer.bytes", buffer_size(value)?),
        "receive.buffer.bytes" => Fate::Set("socket.receive.buffer.bytes", buffer_size(value)?),
        "interceptor.classes"
        | "metric.reporters"
        | "metrics.num.samples"
        | "metrics.recording.level"
        | "metrics.sample.window.ms"
        | "default.api.timeout.ms"
        | "socket.connection.setup.timeout.max.ms"
        | "enable.metrics.push"
        | "auto.include.jmx.reporter"
        | "metadata.recovery.strategy" => Fate::Ignored,
        _ => return Ok(None),
    };
    Ok(Some(fate))
}

fn consumer(name: &str, value: &str) -> Option<Fate> {
    let set = |setting| Fate::Set(setting, value.to_owned());
    Some(match name {
        "fetch.min.bytes" => set("fetch.min.bytes"),
        "fetch.max.bytes" => set("fetch.max.bytes"),
        "fetch.max.wait.ms" => set("fetch.wait.max.ms"),
        "max.partition.fetch.bytes" => set("max.partition.fetch.bytes"),
        "check.crcs" => set("check.crcs"),
        "isolation.level" => set("isolation.level"),
        // Read by `options`, or replaced by what a job does anyway.
        "group.id"
        | "auto.offset.reset"
        | "partition.discovery.interval.ms"
        | "key.deserializer"
        | "value.deserializer"
        | "enable.auto.commit"
        | "auto.commit.interval.ms"
        | "commit.offsets.on.checkpoint"
        | "register.consumer.metrics" => Fate::Own,
        "client.id.prefix" => set("client.id"),
        "max.poll.records"
        | "max.poll.interval.ms"
        | "session.timeout.ms"
        | "heartbeat.interval.ms"
        | "group.instance.id"
        | "group.protocol"
        | "group.remote.assignor"
        | "partition.assignment.strategy"
        | "allow.auto.create.topics"
        | "exclude.internal.topics" => Fate::Ignored,
        _ => return None,
    })
}

fn producer(name: &str, value: &str) -> Result<Option<Fate>, String> {
    let set = |setting| Fate::Set(setting, value.to_owned());
    Ok(Some(match name {
        "acks" => set("acks"),
        "linger.ms" => set("linger.ms"),
        "batch.size" => set("batch.size"),
        "compression.type" => set("compression.type"),
        "compression.gzip.level" | "compression.lz4.level" | "compression.zstd.level" => {
            set("compression.level")
        }
        "max.request.size" => set("message.max.bytes"),
        "max.in.flight.requests.per.connection" => set("max.in.flight.requests.per.connection"),
        "delivery.timeout.ms" => set("delivery.timeout.ms"),
        "enable.idempotence" => set("enable.idempotence"),
        "retries" => set("retries"),
        "buffer.memory" => Fate::Set("queue.buffering.max.kbytes", kibibytes(value)?),
        "key.serializer" | "value.serializer" | "transaction.timeout.ms" | "transactional.id" => {
            Fate::Own
        }
        "max.block.ms"
        | "partitioner.class"
        | "partitioner.ignore.keys"
        | "partitioner.adaptive.partitioning.enable"
        | "partitioner.availability.timeout.ms"
        | "metadata.max.idle.ms" => Fate::Ignored,
        _ => return Ok(None),
    }))
}

/// Java's −1, "as the system has it", is librdkafka's 0.
fn buffer_size(value: &str) -> Result<String, String> {
    let bytes: i64 = value.parse().map_err(|_| "expected a number of bytes".to_owned())?;
    Ok(bytes.max(0).to_string())
}

fn kibibytes(value: &str) -> Result<String, String> {
    let bytes: u64 = value.parse().map_err(|_| "expected a number of bytes".to_owned())?;
    Ok((bytes / 1024).max(1).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(role: Role, written: &[(&str, &str)]) -> String {
        let properties =
            written.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        match translate(&properties, role) {
            Err((name, problem)) => format!("{name}: {problem}"),
            Ok(translated) => {
                let show = |pairs: &[(String, String)]| {
                    let pairs: Vec<String> =
                        pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
                    pairs.join(" ")
                };
                let Translated { settings, unknown, ignored } = translated;
                let settings: Vec<(String, String)> =
                    settings.into_iter().map(|set| (set.name.to_owned(), set.value)).collect();
                format!("{} | {} | {}", show(&settings), show(&unknown), ignored.join(" "))
            }
        }
    }

    #[test]
    fn names_and_units_are_translated() {
        let written = [
            ("bootstrap.servers", "x:1"),
            ("fetch.max.wait.ms", "100"),
            ("group.id", "g"),
            ("isolation.level", "read_uncommitted"),
            ("request.timeout.ms", "5000"),
            ("sasl.mechanism", "PLAIN"),
        ];
        let expected =
            "fetch.wait.max.ms=100 isolation.level=read_uncommitted socket.timeout.ms=5000 |  | ";
        assert_eq!(check(Role::Consumer, &written), expected);
        let written = [
            ("acks", "all"),
            ("buffer.memory", "33554432"),
            ("max.request.size", "2000000"),
            ("send.buffer.bytes", "-1"),
        ];
        let expected = "acks=all queue.buffering.max.kbytes=32768 message.max.bytes=2000000 \
                        socket.send.buffer.bytes=0 |  | ";
        assert_eq!(check(Role::Producer, &written), expected);
    }

    #[test]
    fn the_other_roles_properties_do_no_harm_and_strange_ones_are_kept_apart() {
        let written = [("acks", "1"), ("max.poll.records", "500"), ("argus.x", "1"), ("zzz", "2")];
        assert_eq!(check(Role::Consumer, &written), " | argus.x=1 zzz=2 | max.poll.records");
        assert_eq!(check(Role::Producer, &written), "acks=1 | argus.x=1 zzz=2 | ");
        assert_eq!(
            check(Role::Producer, &[("buffer.memory", "a lot")]),
            "buffer.memory: expected a number of bytes"
        );
    }
}
