//! Finds out which messages are UTF-8, in one pass over all of them where they are.

use std::ops::Range;

/// The messages of a batch.
pub(crate) struct TextCheck<'a> {
    data: &'a [u8],
    /// All of `data`, where it is text as a whole.
    whole: Option<&'a str>,
}

impl<'a> TextCheck<'a> {
    /// Looks at all messages together.
    pub fn new(data: &'a [u8]) -> TextCheck<'a> {
        TextCheck { data, whole: std::str::from_utf8(data).ok() }
    }

    /// Whether one message is UTF-8; if not, says where it is none. A character may begin in one
    /// message and end in the next: then neither is text, though both together are.
    #[inline]
    pub fn check(&self, message: Range<usize>) -> Result<(), String> {
        let is_text = self.whole.is_some_and(|whole| {
            whole.is_char_boundary(message.start) && whole.is_char_boundary(message.end)
        });
        if is_text {
            return Ok(());
        }
        let checked = std::str::from_utf8(&self.data[message]);
        checked.map(|_| ()).map_err(|e| format!("invalid UTF-8 at byte {}", e.valid_up_to()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_belongs_to_one_message() {
        let check = TextCheck::new("aé".as_bytes());
        assert_eq!(check.check(0..3), Ok(()));
        assert_eq!(check.check(0..1), Ok(()));
        assert_eq!(check.check(0..2).unwrap_err(), "invalid UTF-8 at byte 1");
        assert_eq!(check.check(2..3).unwrap_err(), "invalid UTF-8 at byte 0");
        let check = TextCheck::new(b"ok\xff");
        assert_eq!(check.check(0..2), Ok(()));
        assert!(check.check(1..3).is_err());
    }
}
