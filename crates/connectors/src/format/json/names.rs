//! Finds the column a field name belongs to, by guessing that names come in the order of the row
//! before.
//!
//! Every name seen is remembered with the one that followed it last. A right guess costs one
//! comparison of 16 bytes; a wrong one, a search among the names seen. Names beyond the
//! remembered number are looked up in the schema each time.

use super::super::problem::Outcome;
use super::cursor::{Cursor, unescape};

/// Most names remembered of one object, so that objects used as maps cost no memory.
const MAX_SEEN: usize = 128;
/// A name that, with the quote after it, is compared in one step.
const MAX_SHORT: usize = 16;

/// The names of one object of the schema.
pub(super) struct Names {
    wanted: Vec<Box<[u8]>>,
    seen: Vec<Seen>,
    /// Position in `seen` of the first name of the last object.
    first: usize,
}

struct Seen {
    /// The name and the quote after it.
    text: Box<[u8]>,
    /// The first bytes of `text`, and which bits of them count.
    head: u128,
    mask: u128,
    target: Option<usize>,
    /// Position in `seen` of the name that followed last.
    next: usize,
}

/// Where the names of one object stand. Begin with the default.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    /// Position in `seen` of the name before.
    previous: Option<usize>,
}

impl Names {
    /// Names of the wanted fields, in order.
    pub fn new(wanted: Vec<Box<[u8]>>) -> Names {
        Names { wanted, seen: Vec::new(), first: 0 }
    }

    /// Name of a wanted field.
    pub fn name(&self, target: usize) -> &[u8] {
        &self.wanted[target]
    }

    /// Reads a name after its opening quote: position of the wanted field of that name, or
    /// `None` for a field nobody reads.
    #[inline]
    pub fn read(&mut self, cursor: &mut Cursor<'_>, place: &mut Place) -> Outcome<Option<usize>> {
        let guess = place.previous.map_or(self.first, |previous| self.seen[previous].next);
        if let Some(seen) = self.seen.get(guess)
            && seen.matches(cursor)
        {
            cursor.at += seen.text.len();
            place.previous = Some(guess);
            return Ok(seen.target);
        }
        self.search(cursor, place)
    }

    #[inline(never)]
    fn search(&mut self, cursor: &mut Cursor<'_>, place: &mut Place) -> Outcome<Option<usize>> {
        let found = match self.seen.iter().position(|seen| seen.matches(cursor)) {
            Some(index) => {
                cursor.at += self.seen[index].text.len();
                index
            }
            None => {
                let start = cursor.at;
                let token = cursor.string_rest()?;
                let target = if token.is_escaped {
                    let mut name = Vec::new();
                    unescape(cursor.slice(token.start, token.end), &mut name);
                    return Ok(self.target(&name));
                } else {
                    self.target(cursor.slice(token.start, token.end))
                };
                if self.seen.len() == MAX_SEEN {
                    return Ok(target);
                }
                self.seen.push(Seen::new(cursor.slice(start, cursor.at), target));
                self.seen.len() - 1
            }
        };
        match place.previous {
            Some(previous) => self.seen[previous].next = found,
            None => self.first = found,
        }
        place.previous = Some(found);
        Ok(self.seen[found].target)
    }

    fn target(&self, name: &[u8]) -> Option<usize> {
        self.wanted.iter().position(|wanted| **wanted == *name)
    }
}

impl Seen {
    fn new(text: &[u8], target: Option<usize>) -> Seen {
        let n_head = text.len().min(MAX_SHORT);
        let mut head = [0; MAX_SHORT];
        head[..n_head].copy_from_slice(&text[..n_head]);
        let mask = if n_head == MAX_SHORT { u128::MAX } else { (1 << (8 * n_head)) - 1 };
        Seen { text: text.into(), head: u128::from_le_bytes(head), mask, target, next: 0 }
    }

    /// Whether the bytes at the cursor are this name and the quote that ends it.
    #[inline(always)]
    fn matches(&self, cursor: &Cursor<'_>) -> bool {
        let end = cursor.at + self.text.len();
        if end > cursor.end {
            return false;
        }
        match cursor.data[cursor.at..].first_chunk::<MAX_SHORT>() {
            Some(head) => {
                (u128::from_le_bytes(*head) ^ self.head) & self.mask == 0
                    && (self.text.len() <= MAX_SHORT || cursor.data[cursor.at..end] == *self.text)
            }
            None => cursor.data[cursor.at..end] == *self.text,
        }
    }
}
