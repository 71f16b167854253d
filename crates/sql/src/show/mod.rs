//! What SHOW and DESCRIBE print.

pub mod unparse;
