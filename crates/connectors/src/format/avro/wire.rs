//! Avro's binary encoding: reads primitive values of one message, writes them to bytes.

use super::super::problem::{Outcome, Problem};

/// Where reading stands in one message.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    /// All messages of the batch, so that positions are those of views.
    pub data: &'a [u8],
    /// The next byte.
    pub at: usize,
    /// End of the message.
    pub end: usize,
}

impl<'a> Cursor<'a> {
    /// A long, zig-zag encoded in 1 to 10 bytes.
    #[inline(always)]
    pub fn long(&mut self) -> Outcome<i64> {
        if self.at < self.end {
            let byte = self.data[self.at];
            if byte < 0x80 {
                self.at += 1;
                return Ok(unzigzag(u64::from(byte)));
            }
        }
        self.long_of_many_bytes()
    }

    #[inline(never)]
    fn long_of_many_bytes(&mut self) -> Outcome<i64> {
        let mut value = 0;
        for i in 0..10 {
            let [byte] = self.fixed()?;
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                return Ok(unzigzag(value));
            }
        }
        Err(Problem::value("a number of more than ten bytes"))
    }

    /// An int: a long within 32 bits.
    #[inline(always)]
    pub fn int(&mut self) -> Outcome<i32> {
        let value = self.long()?;
        i32::try_from(value).map_err(|_| {
            Problem::value(format!("expected an int, found {value}, which has more bits"))
        })
    }

    /// A boolean.
    #[inline(always)]
    pub fn boolean(&mut self) -> Outcome<bool> {
        match self.fixed()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(Problem::value(format!("expected a boolean, 0 or 1, found {other}"))),
        }
    }

    /// `N` bytes.
    #[inline(always)]
    pub fn fixed<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        match self.data[self.at..self.end].first_chunk::<N>() {
            Some(bytes) => {
                self.at += N;
                Ok(*bytes)
            }
            None => Err(self.too_short(N as i64)),
        }
    }

    /// Positions of `length` bytes.
    #[inline(always)]
    pub fn span(&mut self, length: i64) -> Outcome<std::ops::Range<usize>> {
        // A negative length becomes a huge one.
        if length as u64 > (self.end - self.at) as u64 {
            return Err(self.too_short(length));
        }
        let start = self.at;
        self.at += length as usize;
        Ok(start..self.at)
    }

    /// Positions of bytes or a string, after their length.
    #[inline(always)]
    pub fn sized(&mut self) -> Outcome<std::ops::Range<usize>> {
        let length = self.long()?;
        self.span(length)
    }

    /// Number of the items of a block; 0 after the last one. The block's size in bytes, which
    /// some writers put behind a negative count, is dropped.
    #[inline]
    pub fn block(&mut self) -> Outcome<u64> {
        let count = self.long()?;
        if count < 0 {
            self.long()?;
        }
        Ok(count.unsigned_abs())
    }

    /// The bytes of a span.
    pub fn slice(&self, span: std::ops::Range<usize>) -> &'a [u8] {
        &self.data[span]
    }

    #[cold]
    #[inline(never)]
    fn too_short(&self, length: i64) -> Box<Problem> {
        let left = self.end - self.at;
        Problem::value(format!("expected {length} bytes, found {left} to the end of the message"))
    }
}

#[inline(always)]
fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Appends a long, which is also how an int is written.
#[inline]
pub(super) fn write_long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Appends bytes or a string with their length.
pub(super) fn write_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    write_long(out, bytes.len() as i64);
    out.extend_from_slice(bytes);
}

/// The unscaled value of a decimal: big-endian two's complement. `None` where 128 bits do not
/// hold it, or there is no byte.
pub(super) fn decimal_of(bytes: &[u8]) -> Option<i128> {
    let (first, rest) = bytes.split_first()?;
    let mut value = i128::from(first.cast_signed());
    for byte in rest {
        value = value.checked_mul(256)? | i128::from(*byte);
    }
    Some(value)
}

/// Appends an unscaled value as sized bytes, as few as hold it.
pub(super) fn write_decimal(out: &mut Vec<u8>, unscaled: i128) {
    let bytes = unscaled.to_be_bytes();
    let sign = if unscaled < 0 { 0xff } else { 0 };
    let mut start = 0;
    while start < 15 && bytes[start] == sign && (bytes[start + 1] ^ sign) < 0x80 {
        start += 1;
    }
    write_sized(out, &bytes[start..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cursor(data: &[u8]) -> Cursor<'_> {
        Cursor { data, at: 0, end: data.len() }
    }

    #[test]
    fn numbers_are_avros() {
        for (value, bytes) in
            [(0, &[0][..]), (-1, &[1]), (1, &[2]), (-64, &[0x7f]), (64, &[0x80, 1])]
        {
            let mut out = Vec::new();
            write_long(&mut out, value);
            assert_eq!(out, bytes);
        }
        assert!(cursor(&[0xff; 11]).long().is_err());
        assert!(cursor(&[]).long().is_err());
        let mut out = Vec::new();
        write_decimal(&mut out, -1250);
        assert_eq!(out, [4, 0xfb, 0x1e]);
    }

    proptest! {
        #[test]
        fn numbers_come_back(long: i64, decimal: i128) {
            let mut out = Vec::new();
            write_long(&mut out, long);
            write_decimal(&mut out, decimal);
            let mut cursor = cursor(&out);
            prop_assert_eq!(cursor.long().unwrap(), long);
            let span = cursor.sized().unwrap();
            prop_assert_eq!(decimal_of(cursor.slice(span)), Some(decimal));
        }
    }
}
