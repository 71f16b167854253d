//! The narrow waist between SQL and the engine: expressions, operator parameters, windows, the
//! job graph, and the text that explains it.
//!
//! `sql` builds these values, `engine` runs them; neither knows the other. Nothing here parses
//! text or touches data.

pub mod aggregate;
pub mod explain;
pub mod expression;
pub mod fingerprint;
pub mod function;
pub mod graph;
pub mod replay;
pub mod setting;
pub mod text;
pub mod window;

pub use aggregate::{AggregateCall, AggregateFunction};
pub use expression::{Expression, ExpressionKind, Literal, Span};
pub use function::ScalarFunction;
pub use graph::{JobGraph, Node, NodeId, Operator};
pub use setting::JobSettings;
pub use window::{Window, WindowKind};
