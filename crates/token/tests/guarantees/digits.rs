//! No digit of a secret is more likely than 256 random bits make it.
//!
//! The secret is one number below N = 2^256 written with 43 digits, and N is not a power of 62. N is 0.98 of
//! 62^43, so the first digit ends at `y`: each of `0`…`x` is the first digit of 62^42 secrets, `y` of the
//! N - 60 · 62^42 that are left (0.7 times as likely), `z` of none. The second digit feels the end of the range as
//! well: where the first is `y`, only some of the second digits are left, so some are 1.6 % more frequent
//! than the others. From the third on the difference is below 0.03 % and fades by 62 with each digit. This is
//! no bias that helps to guess: every secret is still exactly as likely as any other.
//!
//! So every position is held against its own exact law.

use crate::{Secrets, mint};

const SAMPLES: u32 = 200_000;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How likely digit number `digit` is at `position`, counted from the left.
///
/// Numbers from 0 run through blocks of 62 · b in which each digit is constant for b = 62^(42 - position)
/// of them. N holds `blocks` such blocks, and of the unfinished last one digit 0 gets its part first.
fn likelihood(position: i32, digit: u8) -> f64 {
    let blocks = 2_f64.powi(256) / 62_f64.powi(43 - position);
    let in_unfinished = (62.0 * blocks.fract() - f64::from(digit)).clamp(0.0, 1.0);
    (blocks.floor() + in_unfinished) / (62.0 * blocks)
}

/// Pearson's chi-square of `counts` against the law of `position`.
fn chi_square(counts: &[u32; 62], position: i32) -> f64 {
    let mut sum = 0.0;
    for (digit, &count) in (0..62_u8).zip(counts) {
        let expected = f64::from(SAMPLES) * likelihood(position, digit);
        if expected > 0.0 {
            sum += (f64::from(count) - expected).powi(2) / expected;
        } else {
            assert_eq!(count, 0, "digit {digit} cannot be at position {position}");
        }
    }
    sum
}

/// Beyond this a fair sample comes once in ten million (61 degrees of freedom). The secrets are the same on
/// every run, so the result is too.
const LIMIT: f64 = 130.0;

#[test]
fn every_digit_of_a_secret_is_as_frequent_as_its_exact_law_says() {
    let mut counts = [[0_u32; 62]; 43];
    for secret in Secrets(42).take(SAMPLES as usize) {
        let token = mint("ks", &secret);
        for (position, digit) in counts.iter_mut().zip(&token.expose().as_bytes()[3..46]) {
            position[DIGITS.iter().position(|d| d == digit).unwrap()] += 1;
        }
    }
    for (position, counts) in (0..43).zip(&counts) {
        let chi_square = chi_square(counts, position);
        assert!(chi_square < LIMIT, "position {position}: chi-square {chi_square:.0}");
    }
}

#[test]
fn the_first_digit_ends_at_y_which_is_rarer() {
    assert_eq!(likelihood(0, 0).to_bits(), likelihood(0, 59).to_bits());
    assert!((likelihood(0, 60) / likelihood(0, 59) - 0.7055).abs() < 0.0001);
    assert!(likelihood(0, 61) <= 0.0);
    for position in 0..43 {
        let total: f64 = (0..62).map(|digit| likelihood(position, digit)).sum();
        assert!((total - 1.0).abs() < 1e-9, "position {position}: {total}");
    }
}

/// The test above can fail: the usual mistake, a random byte modulo 62, is far beyond its limit.
#[test]
fn the_test_of_digits_finds_the_bias_of_bytes_modulo_62() {
    let mut counts = [0_u32; 62];
    for secret in Secrets(42).take(SAMPLES as usize) {
        counts[usize::from(secret[0] % 62)] += 1;
    }
    assert!(chi_square(&counts, 42) > 10.0 * LIMIT);
}
