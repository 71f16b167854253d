//! Hashes and encodings.

use std::fmt::Write;

use argus_base::Result;
use argus_plan::ScalarFunction as F;
use arrow_array::ArrayRef;
use arrow_array::types::{Int32Type, Int64Type};
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use sha2::Digest;

use super::{Binding, Call, Kernel, refused};

pub(super) fn bind(binding: &Binding<'_>) -> Result<Option<Kernel>> {
    Ok(Some(match binding.function {
        F::Md5 => digest(hexadecimal::<md5::Md5>),
        F::Sha1 => digest(hexadecimal::<sha1::Sha1>),
        F::Sha224 => digest(hexadecimal::<sha2::Sha224>),
        F::Sha256 => digest(hexadecimal::<sha2::Sha256>),
        F::Sha384 => digest(hexadecimal::<sha2::Sha384>),
        F::Sha512 => digest(hexadecimal::<sha2::Sha512>),
        F::Sha2 => Box::new(sha2_bits),
        F::Hex if binding.type_of(0).root.is_integer() => {
            long(|value, out| write!(out, "{value:X}"))
        }
        F::Hex => Box::new(|call| {
            let text = call.text_of(0);
            call.texts(|row, out| {
                text(row).bytes().for_each(|byte| push_hex(byte, b"0123456789ABCDEF", out));
                Ok(true)
            })
        }),
        F::Bin => long(|value, out| write!(out, "{value:b}")),
        F::Unhex => Box::new(unhex),
        F::ToBase64 => Box::new(|call| {
            let bytes = call.bytes_of(0);
            call.texts(|row, out| {
                STANDARD.encode_string(bytes(row), out);
                Ok(true)
            })
        }),
        F::FromBase64 => Box::new(from_base64),
        F::Encode => Box::new(|call| {
            let (text, charset) = (call.text_of(0), call.text_of(1));
            call.binaries(|row, out| {
                Charset::named(charset(row))?.encode(text(row), out);
                Ok(true)
            })
        }),
        F::Decode => Box::new(|call| {
            let (bytes, charset) = (call.bytes_of(0), call.text_of(1));
            call.texts(|row, out| {
                Charset::named(charset(row))?.decode(bytes(row), out);
                Ok(true)
            })
        }),
        _ => return Ok(None),
    }))
}

fn digest(f: fn(&[u8], &mut String)) -> Kernel {
    Box::new(move |call| {
        let bytes = call.bytes_of(0);
        call.texts(|row, out| {
            f(bytes(row), out);
            Ok(true)
        })
    })
}

fn hexadecimal<D: Digest>(bytes: &[u8], out: &mut String) {
    for byte in D::digest(bytes).iter() {
        push_hex(*byte, b"0123456789abcdef", out);
    }
}

fn push_hex(byte: u8, digits: &[u8; 16], out: &mut String) {
    out.push(char::from(digits[usize::from(byte >> 4)]));
    out.push(char::from(digits[usize::from(byte & 15)]));
}

fn sha2_bits(call: &Call<'_>) -> Result<ArrayRef> {
    let (bytes, bits) = (call.bytes_of(0), call.number_of::<Int32Type>(1));
    call.texts(|row, out| {
        let f = match bits(row) {
            224 => hexadecimal::<sha2::Sha224>,
            256 => hexadecimal::<sha2::Sha256>,
            384 => hexadecimal::<sha2::Sha384>,
            512 => hexadecimal::<sha2::Sha512>,
            bits => {
                let expected = "expected 224, 256, 384 or 512";
                return Err(refused(format!("SHA2 has no {bits} bits; {expected}")));
            }
        };
        f(bytes(row), out);
        Ok(true)
    })
}

fn long(f: fn(u64, &mut String) -> std::fmt::Result) -> Kernel {
    Box::new(move |call| {
        let number = call.number_of::<Int64Type>(0);
        call.texts(|row, out| {
            f(number(row).cast_unsigned(), out).expect("writing to a text cannot fail");
            Ok(true)
        })
    })
}

/// The first of an odd number of digits counts as zero, whatever it is, as in Flink.
fn unhex(call: &Call<'_>) -> Result<ArrayRef> {
    let text = call.text_of(0);
    call.binaries(|row, out| {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let digits = text(row).as_bytes();
        if digits.iter().any(|byte| digit(*byte).is_none()) {
            return Ok(false);
        }
        let (odd, pairs) = digits.split_at(digits.len() % 2);
        out.extend(odd.iter().map(|_| 0));
        let value = |byte: u8| digit(byte).unwrap_or(0) as u8;
        out.extend(pairs.chunks_exact(2).map(|pair| value(pair[0]) << 4 | value(pair[1])));
        Ok(true)
    })
}

fn from_base64(call: &Call<'_>) -> Result<ArrayRef> {
    const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const LENIENT: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, CONFIG);
    let text = call.text_of(0);
    let mut bytes = Vec::new();
    call.texts(|row, out| {
        bytes.clear();
        if LENIENT.decode_vec(text(row), &mut bytes).is_err() {
            return Err(refused(format!("'{}' is not base64", text(row))));
        }
        out.push_str(&String::from_utf8_lossy(&bytes));
        Ok(true)
    })
}

#[derive(Clone, Copy)]
enum Charset {
    Utf8,
    Ascii,
    Latin1,
    Utf16 { is_little_endian: bool, has_mark: bool },
}

impl Charset {
    fn named(name: &str) -> Result<Charset> {
        Ok(match name.to_ascii_uppercase().as_str() {
            "UTF-8" | "UTF8" => Charset::Utf8,
            "US-ASCII" | "ASCII" => Charset::Ascii,
            "ISO-8859-1" | "LATIN1" | "ISO8859_1" => Charset::Latin1,
            "UTF-16" => Charset::Utf16 { is_little_endian: false, has_mark: true },
            "UTF-16BE" => Charset::Utf16 { is_little_endian: false, has_mark: false },
            "UTF-16LE" => Charset::Utf16 { is_little_endian: true, has_mark: false },
            _ => {
                let known = "UTF-8, US-ASCII, ISO-8859-1, UTF-16, UTF-16BE, UTF-16LE";
                return Err(refused(format!("unknown charset '{name}'; expected {known}")));
            }
        })
    }

    /// A character that the charset lacks becomes a question mark.
    fn encode(self, text: &str, out: &mut Vec<u8>) {
        match self {
            Charset::Utf8 => out.extend_from_slice(text.as_bytes()),
            Charset::Ascii => {
                out.extend(text.chars().map(|c| if c.is_ascii() { c as u8 } else { b'?' }))
            }
            Charset::Latin1 => out.extend(text.chars().map(|c| u8::try_from(c).unwrap_or(b'?'))),
            Charset::Utf16 { is_little_endian, has_mark } => {
                let mark = has_mark && !text.is_empty();
                let units = mark.then_some(0xFEFF).into_iter().chain(text.encode_utf16());
                for unit in units {
                    let bytes =
                        if is_little_endian { unit.to_le_bytes() } else { unit.to_be_bytes() };
                    out.extend_from_slice(&bytes);
                }
            }
        }
    }

    /// What is malformed becomes U+FFFD.
    fn decode(self, bytes: &[u8], out: &mut String) {
        match self {
            Charset::Utf8 => out.push_str(&String::from_utf8_lossy(bytes)),
            Charset::Ascii => {
                let character =
                    |byte: &u8| if byte.is_ascii() { char::from(*byte) } else { '\u{FFFD}' };
                out.extend(bytes.iter().map(character));
            }
            Charset::Latin1 => out.extend(bytes.iter().map(|byte| char::from(*byte))),
            Charset::Utf16 { is_little_endian, has_mark } => {
                let (bytes, is_little_endian) = match bytes {
                    [0xFE, 0xFF, rest @ ..] if has_mark => (rest, false),
                    [0xFF, 0xFE, rest @ ..] if has_mark => (rest, true),
                    _ => (bytes, is_little_endian),
                };
                let unit = |pair: &[u8]| match is_little_endian {
                    true => u16::from_le_bytes([pair[0], pair[1]]),
                    false => u16::from_be_bytes([pair[0], pair[1]]),
                };
                let units = bytes.chunks_exact(2).map(unit);
                out.extend(char::decode_utf16(units).map(|c| c.unwrap_or('\u{FFFD}')));
                out.extend((bytes.len() % 2 == 1).then_some('\u{FFFD}'));
            }
        }
    }
}
