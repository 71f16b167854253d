//! Hashes and encodings.

use argus_base::TypeRoot;

use super::signature::{Kind, count, nullable, propagate, take};
use super::{Argument, FunctionSpec, Resolved, ScalarFunction as F};

const HEX: &str = "Lower-case hexadecimal.";

pub(super) const SPECS: &[FunctionSpec] = &[
    FunctionSpec::new(F::Md5, "MD5", "MD5(a)", HEX, |a| digest(a, 32)),
    FunctionSpec::new(F::Sha1, "SHA1", "SHA1(a)", HEX, |a| digest(a, 40)),
    FunctionSpec::new(F::Sha224, "SHA224", "SHA224(a)", HEX, |a| digest(a, 56)),
    FunctionSpec::new(F::Sha256, "SHA256", "SHA256(a)", HEX, |a| digest(a, 64)),
    FunctionSpec::new(F::Sha384, "SHA384", "SHA384(a)", HEX, |a| digest(a, 96)),
    FunctionSpec::new(F::Sha512, "SHA512", "SHA512(a)", HEX, |a| digest(a, 128)),
    FunctionSpec::new(F::Sha2, "SHA2", "SHA2(a, bits)", "224, 256, 384 or 512 bits.", |a| {
        propagate(take(a, &[Kind::TextOrBytes, Kind::Int], &[])?, TypeRoot::VarChar(128))
    })
    .fallible(),
    FunctionSpec::new(F::Hex, "HEX", "HEX(a)", "Of an integer or text, in upper case.", hex),
    FunctionSpec::new(F::Unhex, "UNHEX", "UNHEX(a)", "NULL where a is not hexadecimal.", |a| {
        nullable(take(a, &[Kind::Text], &[])?, TypeRoot::BYTES)
    }),
    FunctionSpec::new(F::Bin, "BIN", "BIN(n)", "Binary digits, two's complement.", |a| {
        propagate(take(a, &[Kind::BigInt], &[])?, TypeRoot::STRING)
    }),
    FunctionSpec::new(F::ToBase64, "TO_BASE64", "TO_BASE64(a)", "With padding.", |a| {
        propagate(take(a, &[Kind::TextOrBytes], &[])?, TypeRoot::STRING)
    }),
    FunctionSpec::new(F::FromBase64, "FROM_BASE64", "FROM_BASE64(a)", "Text, as UTF-8.", |a| {
        propagate(take(a, &[Kind::Text], &[])?, TypeRoot::STRING)
    })
    .fallible(),
    FunctionSpec::new(
        F::Encode,
        "ENCODE",
        "ENCODE(a, charset)",
        "UTF-8, US-ASCII, ISO-8859-1, UTF-16, UTF-16BE or UTF-16LE.",
        |a| propagate(take(a, &[Kind::Text, Kind::Text], &[])?, TypeRoot::BYTES),
    )
    .fallible(),
    FunctionSpec::new(
        F::Decode,
        "DECODE",
        "DECODE(a, charset)",
        "UTF-8, US-ASCII, ISO-8859-1, UTF-16, UTF-16BE or UTF-16LE.",
        |a| propagate(take(a, &[Kind::Bytes, Kind::Text], &[])?, TypeRoot::STRING),
    )
    .fallible(),
];

fn digest(arguments: &[Argument<'_>], n_digits: u32) -> Result<Resolved, String> {
    propagate(take(arguments, &[Kind::TextOrBytes], &[])?, TypeRoot::Char(n_digits))
}

fn hex(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 1, 1)?;
    let is_number = arguments[0].logical_type.root.is_integer();
    let kind = if is_number { Kind::BigInt } else { Kind::Text };
    propagate(take(arguments, &[kind], &[])?, TypeRoot::STRING)
}
