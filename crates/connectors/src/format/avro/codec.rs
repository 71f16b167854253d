//! How the blocks of a container file are compressed: not at all, deflate, or snappy (which is
//! what Flink writes by default).

use super::super::MAX_FILE_MESSAGE_BYTES;

/// A codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Null,
    Deflate,
    Snappy,
}

impl Codec {
    /// The codec of that name in a file's header.
    pub fn named(name: &str) -> Option<Codec> {
        match name {
            "null" => Some(Codec::Null),
            "deflate" => Some(Codec::Deflate),
            "snappy" => Some(Codec::Snappy),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Null => "null",
            Codec::Deflate => "deflate",
            Codec::Snappy => "snappy",
        }
    }

    /// A block as it stands in the file.
    pub fn compress(self, block: &[u8]) -> Vec<u8> {
        match self {
            Codec::Null => block.to_vec(),
            Codec::Deflate => miniz_oxide::deflate::compress_to_vec(block, 6),
            Codec::Snappy => {
                let mut out = Vec::new();
                snappy_compress(block, &mut out);
                out.extend_from_slice(&crc32(block).to_be_bytes());
                out
            }
        }
    }

    /// A block as it was before. At most [`MAX_FILE_MESSAGE_BYTES`].
    pub fn decompress(self, stored: Vec<u8>) -> Result<Vec<u8>, String> {
        match self {
            Codec::Null => Ok(stored),
            Codec::Deflate => {
                miniz_oxide::inflate::decompress_to_vec_with_limit(&stored, MAX_FILE_MESSAGE_BYTES)
                    .map_err(|error| format!("a block cannot be inflated: {error}"))
            }
            Codec::Snappy => {
                let (body, sum) = stored.split_last_chunk::<4>().ok_or("a block without a sum")?;
                let block = snappy_decompress(body).ok_or("a block is no snappy")?;
                if crc32(&block).to_be_bytes() != *sum {
                    return Err("the check sum of a block does not match".to_owned());
                }
                Ok(block)
            }
        }
    }
}

/// Bytes of a block that are compressed independently, so that every offset has two bytes.
const SNAPPY_BLOCK: usize = 1 << 16;
const HASH_BITS: u32 = 14;
const MIN_MATCH: usize = 4;
const MAX_COPY: usize = 64;

/// Greedy: at each place the last place of equal four bytes, or a literal.
fn snappy_compress(input: &[u8], out: &mut Vec<u8>) {
    let mut length = input.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    for block in input.chunks(SNAPPY_BLOCK) {
        let mut last_place = vec![0u16; 1 << HASH_BITS];
        let (mut at, mut literal) = (0, 0);
        while let Some(four) = block[at..].first_chunk::<MIN_MATCH>() {
            let word = u32::from_le_bytes(*four);
            let slot = (word.wrapping_mul(0x1e35_a7bd) >> (32 - HASH_BITS)) as usize;
            let candidate = usize::from(std::mem::replace(&mut last_place[slot], at as u16));
            if candidate >= at || !block[candidate..].starts_with(four) {
                at += 1;
                continue;
            }
            push_literal(out, &block[literal..at]);
            let matching = block[candidate..].iter().zip(&block[at..]);
            let length = matching.take_while(|(a, b)| a == b).count();
            push_copies(out, at - candidate, length);
            at += length;
            literal = at;
        }
        push_literal(out, &block[literal..]);
    }
}

fn push_literal(out: &mut Vec<u8>, literal: &[u8]) {
    let Some(length) = literal.len().checked_sub(1) else { return };
    match length {
        0..60 => out.push((length as u8) << 2),
        60..256 => out.extend_from_slice(&[60 << 2, length as u8]),
        _ => {
            out.push(61 << 2);
            out.extend_from_slice(&(length as u16).to_le_bytes());
        }
    }
    out.extend_from_slice(literal);
}

fn push_copies(out: &mut Vec<u8>, offset: usize, mut length: usize) {
    while length > 0 {
        let n = length.min(MAX_COPY);
        out.push(((n - 1) as u8) << 2 | 2);
        out.extend_from_slice(&(offset as u16).to_le_bytes());
        length -= n;
    }
}

/// `None` where the input is cut, copies from before its start, or is not as long as it says.
fn snappy_decompress(input: &[u8]) -> Option<Vec<u8>> {
    let (length, mut rest) = snappy_length(input)?;
    let mut out = Vec::with_capacity(length.min(input.len().saturating_mul(8)));
    while let Some((tag, after)) = rest.split_first() {
        let bits = usize::from(tag >> 2);
        let (size, offset);
        (size, offset, rest) = match tag & 3 {
            0 if bits < 60 => (bits + 1, 0, after),
            0 => {
                let (n, after) = little_endian(after, bits - 59)?;
                (n.checked_add(1)?, 0, after)
            }
            1 => {
                let (low, after) = little_endian(after, 1)?;
                ((bits & 7) + 4, (bits >> 3) << 8 | low, after)
            }
            kind => {
                let (offset, after) = little_endian(after, if kind == 2 { 2 } else { 4 })?;
                (bits + 1, offset, after)
            }
        };
        if out.len() + size > length {
            return None;
        }
        if tag & 3 == 0 {
            let (literal, after) = rest.split_at_checked(size)?;
            out.extend_from_slice(literal);
            rest = after;
        } else {
            let start = out.len().checked_sub(offset).filter(|_| offset > 0)?;
            // A copy may overlap what it writes.
            for i in start..start + size {
                out.push(out[i]);
            }
        }
    }
    (out.len() == length).then_some(out)
}

fn snappy_length(input: &[u8]) -> Option<(usize, &[u8])> {
    let mut length = 0;
    for (i, byte) in input.iter().take(5).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * i);
        if *byte < 0x80 {
            let fits = length <= MAX_FILE_MESSAGE_BYTES;
            return fits.then_some((length, &input[i + 1..]));
        }
    }
    None
}

fn little_endian(input: &[u8], n_bytes: usize) -> Option<(usize, &[u8])> {
    let (bytes, rest) = input.split_at_checked(n_bytes)?;
    Some((bytes.iter().rev().fold(0, |value, byte| value << 8 | usize::from(*byte)), rest))
}

/// The check sum of zip and PNG files.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut i = 0;
        while i < 256 {
            let mut value = i as u32;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 == 1 { value >> 1 ^ 0xedb8_8320 } else { value >> 1 };
                bit += 1;
            }
            table[i] = value;
            i += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |sum, byte| TABLE[(sum as u8 ^ byte) as usize] ^ sum >> 8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sums_and_snappy_are_as_others_make_them() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        // A literal, and a copy of eight bytes from two before.
        assert_eq!(snappy_decompress(b"\x0a\x04ab\x11\x02").unwrap(), b"ababababab");
        assert_eq!(snappy_decompress(b"\x0a\x04ab\x11\x03"), None);
        let text = "all work and no play ".repeat(10_000);
        let compressed = Codec::Snappy.compress(text.as_bytes());
        assert!(compressed.len() < text.len() / 10);
        assert_eq!(Codec::Snappy.decompress(compressed).unwrap(), text.as_bytes());
    }

    proptest! {
        #[test]
        fn blocks_come_back(parts in prop::collection::vec((0u8..4, 1usize..5000), 0..30)) {
            let run = |(byte, n): &(u8, usize)| {
                let byte = *byte;
                (0..*n).map(move |i| byte ^ (i % 7) as u8)
            };
            let block: Vec<u8> = parts.iter().flat_map(run).collect();
            for codec in [Codec::Null, Codec::Deflate, Codec::Snappy] {
                let stored = codec.compress(&block);
                prop_assert_eq!(&codec.decompress(stored).unwrap(), &block);
            }
        }

        #[test]
        fn random_bytes_never_panic(stored: Vec<u8>) {
            let _ = snappy_decompress(&stored);
            let _ = Codec::Deflate.decompress(stored.clone());
            let _ = Codec::Snappy.decompress(stored);
        }
    }
}
