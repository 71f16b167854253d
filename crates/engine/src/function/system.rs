//! The clock, the watermark, chance, and TYPEOF.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argus_base::time::Watermark;
use argus_base::{Error, Result};
use argus_plan::ScalarFunction as F;
use arrow_array::types::{
    Date32Type, Float64Type, Int32Type, Time32MillisecondType, TimestampMillisecondType,
};
use arrow_array::{ArrayRef, PrimitiveArray, TimestampMillisecondArray};
use jiff::tz::TimeZone;

use super::calendar::Instant;
use super::zone::Offsets;
use super::{Binding, Call, Kernel, refused};

pub(super) fn bind(binding: &Binding<'_>) -> Result<Option<Kernel>> {
    let zone = binding.zone.clone();
    Ok(Some(match binding.function {
        F::CurrentTimestamp | F::Proctime => {
            Box::new(|call| Ok(millis(call, Some("UTC".into()), call.context.now.0)))
        }
        F::LocalTimestamp => {
            Box::new(move |call| Ok(millis(call, None, wall_clock(call, &zone).millis())))
        }
        F::CurrentDate => Box::new(move |call| {
            let days = wall_clock(call, &zone).days() as i32;
            Ok(call.numbers::<Date32Type>(|_| days))
        }),
        F::LocalTime => Box::new(move |call| {
            let millis = wall_clock(call, &zone).second_of_day() as i32 * 1000;
            Ok(call.numbers::<Time32MillisecondType>(|_| millis))
        }),
        F::CurrentWatermark => {
            let is_instant =
                matches!(binding.result.to_arrow(), arrow_schema::DataType::Timestamp(_, Some(_)));
            Box::new(move |call| Ok(watermark(call, is_instant)))
        }
        F::Rand => Box::new(rand()),
        F::RandInteger => Box::new(rand_integer()),
        F::Uuid => Box::new(uuid()),
        F::Typeof => {
            let name = binding.type_of(0).to_string();
            Box::new(move |call| {
                call.texts(|_, out| {
                    out.push_str(&name);
                    Ok(true)
                })
            })
        }
        _ => return Ok(None),
    }))
}

fn millis(call: &Call<'_>, zone: Option<Arc<str>>, value: i64) -> ArrayRef {
    Arc::new(TimestampMillisecondArray::from(vec![value; call.n_rows]).with_timezone_opt(zone))
}

fn wall_clock(call: &Call<'_>, zone: &TimeZone) -> Instant {
    Offsets::new(zone).local_of(Instant::of_millis(call.context.now.0))
}

/// NULL before the first watermark.
fn watermark(call: &Call<'_>, is_instant: bool) -> ArrayRef {
    let Watermark(now) = call.context.watermark;
    let value = (call.context.watermark != Watermark::MIN).then_some(now);
    let array: PrimitiveArray<TimestampMillisecondType> =
        std::iter::repeat_n(value, call.n_rows).collect();
    Arc::new(array.with_timezone_opt(is_instant.then(|| Arc::<str>::from("UTC"))))
}

/// Random numbers that differ from those of every other kernel, in this process and in others:
/// UUID() must not repeat.
struct Chance {
    state: AtomicU64,
}

impl Chance {
    fn new() -> Chance {
        Chance { state: AtomicU64::new(RandomState::new().build_hasher().finish()) }
    }

    /// The next 64 random bits (splitmix64).
    fn next(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut bits = self.state.fetch_add(STEP, Ordering::Relaxed);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }
}

fn rand() -> impl Fn(&Call<'_>) -> Result<ArrayRef> {
    let chance = Chance::new();
    move |call| {
        let unit = || (chance.next() >> 11) as f64 / (1_u64 << 53) as f64;
        Ok(call.numbers::<Float64Type>(|_| unit()))
    }
}

fn rand_integer() -> impl Fn(&Call<'_>) -> Result<ArrayRef> {
    let chance = Chance::new();
    move |call| {
        let bound = call.number_of::<Int32Type>(0);
        let array = call.try_numbers::<Int32Type>(|row| {
            let bound = u64::try_from(bound(row)).ok().filter(|bound| *bound > 0);
            let bound =
                bound.ok_or_else(|| refused("the bound of RAND_INTEGER must be positive"))?;
            let number = (u128::from(chance.next()) * u128::from(bound)) >> 64;
            i32::try_from(number).map(Some).map_err(|_| Error::bug("a number beyond its bound"))
        })?;
        Ok(Arc::new(array))
    }
}

fn uuid() -> impl Fn(&Call<'_>) -> Result<ArrayRef> {
    let (high, low) = (Chance::new(), Chance::new());
    move |call| {
        call.texts(|_, out| {
            const VERSION: u64 = 0x4000;
            const VARIANT: u64 = 0x8000_0000_0000_0000;
            let high = high.next() & !0xF000 | VERSION;
            let low = low.next() & !(0b11 << 62) | VARIANT;
            let text = format!(
                "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                high >> 32,
                high >> 16 & 0xFFFF,
                high & 0xFFFF,
                low >> 48,
                low & 0xFFFF_FFFF_FFFF
            );
            out.push_str(&text);
            Ok(true)
        })
    }
}
