//! EXPLAIN: the job graph as text.
