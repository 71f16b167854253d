//! Real servers for tests, started by the scripts in `services`, and the StreamPulse pipeline
//! on them. Each test file starts its servers once; every test has a topic and a database of its
//! own.

#![allow(dead_code, reason = "each test file uses its part")]

pub mod event;
pub mod instance;
pub mod job;
pub mod kafka;
pub mod pipeline;
pub mod postgres;
pub mod proxy;
pub mod tables;

use std::sync::OnceLock;
use std::time::Duration;

use argus_base::Env;

use kafka::Broker;
use postgres::Server;

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two looks at something that is waited for.
const PAUSE: Duration = Duration::from_millis(20);

/// The servers that the tests of a file share.
pub struct World {
    /// With all its secure listeners.
    pub broker: Broker,
    /// With TLS, and passwords that it asks for.
    pub server: Server,
}

/// The servers, started at first use.
pub fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let (broker, server) = std::thread::scope(|scope| {
            let broker = scope.spawn(Broker::start);
            let server = Server::start();
            (broker.join().unwrap(), server)
        });
        World { broker, server }
    })
}

/// Waits until something is so; `describe` says in a failure how things stand.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool, describe: impl Fn() -> String) {
    let env = Env::system();
    while !is_so() {
        assert!(env.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}\n{}", describe());
        env.sleep(PAUSE);
    }
}
