//! Values of variables that must not be printed.
//!
//! Diagnostics point at the text as written, but a message may quote a literal, and EXPLAIN prints
//! constants. This is the last door: every such text passes through [`Hidden::hide`].

/// Values shorter than this are hidden only between quotes: by themselves they stand everywhere.
const LEAST_LENGTH: usize = 4;

/// The variables whose values went into scripts.
#[derive(Clone, Debug, Default)]
pub struct Hidden {
    /// Names and values, longest value first.
    variables: Vec<(String, String)>,
}

impl Hidden {
    /// Remembers a value.
    pub fn note(&mut self, name: &str, value: &str) {
        let is_known = self.variables.iter().any(|(n, v)| n == name && v == value);
        if is_known || value.is_empty() {
            return;
        }
        let longer = |(_, known): &(String, String)| known.len() >= value.len();
        let position = self.variables.partition_point(longer);
        self.variables.insert(position, (name.to_owned(), value.to_owned()));
    }

    /// The text with `${NAME}` in place of values.
    pub fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.variables {
            let escaped = value.replace('\'', "''");
            let is_number = value.len() < 9 && value.bytes().all(|b| b.is_ascii_digit());
            if is_number {
                continue;
            }
            for value in [value.as_str(), &escaped] {
                text = text.replace(&format!("'{value}'"), &format!("'${{{name}}}'"));
                if value.len() >= LEAST_LENGTH {
                    text = text.replace(value, &format!("${{{name}}}"));
                }
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_names() {
        let mut hidden = Hidden::default();
        for (name, value) in
            [("A", "it's"), ("B", "hunter2"), ("C", "x"), ("D", "hunter2000"), ("N", "5")]
        {
            hidden.note(name, value);
        }
        assert_eq!(
            hidden.hide("no 'hunter2' x 'x' 'a-hunter2000' 'it''s' '5'"),
            "no '${B}' x '${C}' 'a-${D}' '${A}' '5'"
        );
    }
}
