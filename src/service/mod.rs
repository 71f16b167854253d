//! What a running process offers to tools: `/metrics`, `/healthz`, `/readyz`.

pub mod health;
mod http;
mod request;

pub use http::serve;
