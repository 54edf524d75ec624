//! The format a second time, written from its description and sharing no code with the crate: one bit at a
//! time, so that it is plainly right.

const DIGITS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The number whose bits are given, highest first, in base 62: doubled once for each bit.
fn base62(bits: impl Iterator<Item = bool>, len: usize) -> String {
    let mut digits = vec![0_usize; len];
    for bit in bits {
        let mut carry = usize::from(bit);
        for digit in digits.iter_mut().rev() {
            let doubled = *digit * 2 + carry;
            *digit = doubled % 62;
            carry = doubled / 62;
        }
        assert_eq!(carry, 0, "the number does not fit");
    }
    digits.iter().map(|&digit| DIGITS.chars().nth(digit).unwrap()).collect()
}

/// CRC-32 as a shift register: polynomial 0x04C11DB7, reflected; all ones before, inverted after.
fn crc32(bytes: &[u8]) -> u32 {
    let mut register = u32::MAX;
    for byte in bytes {
        register ^= u32::from(*byte);
        for _ in 0..8 {
            let out = register & 1;
            register >>= 1;
            if out == 1 {
                register ^= 0xEDB8_8320;
            }
        }
    }
    !register
}

/// `body` with its checksum, whatever `body` is: how a forger would complete it.
pub(crate) fn complete(body: &str) -> String {
    let crc = crc32(body.as_bytes());
    format!("{body}{}", base62((0..32).rev().map(|n| crc >> n & 1 == 1), 6))
}

pub(crate) fn mint(prefix: &str, secret: &[u8]) -> String {
    let bits = secret.iter().flat_map(|byte| (0..8).rev().map(move |n| byte >> n & 1 == 1));
    complete(&format!("{prefix}_{}", base62(bits, 43)))
}

/// Whether taking `token` apart and minting it again gives the same text.
pub(crate) fn is_token(token: &str) -> bool {
    let Some((prefix, rest)) = token.split_once('_') else { return false };
    let Some(secret) = rest.get(..43) else { return false };
    let starts_with_letter = prefix.starts_with(|c: char| c.is_ascii_lowercase());
    if !starts_with_letter
        || prefix.len() > 16
        || !prefix.chars().all(|c| DIGITS[..10].contains(c) || c.is_ascii_lowercase())
    {
        return false;
    }
    let Some(bytes) = decode(secret) else { return false };
    mint(prefix, &bytes) == token
}

/// The 32 bytes that `secret` stands for, if it is a number below 2^256.
fn decode(secret: &str) -> Option<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    for c in secret.chars() {
        let digit = DIGITS.find(c)?;
        // number = number + number + … (62 times) + digit
        let mut sum = [0_u8; 32];
        for _ in 0..62 {
            sum = add(sum, bytes)?;
        }
        bytes = sum;
        for _ in 0..digit {
            let mut one = [0_u8; 32];
            one[31] = 1;
            bytes = add(bytes, one)?;
        }
    }
    Some(bytes)
}

/// `a + b`, if it is below 2^256.
fn add(a: [u8; 32], b: [u8; 32]) -> Option<[u8; 32]> {
    let mut sum = [0; 32];
    let mut carry = false;
    for i in (0..32).rev() {
        let (partial, first) = a[i].overflowing_add(b[i]);
        let (total, second) = partial.overflowing_add(u8::from(carry));
        sum[i] = total;
        carry = first || second;
    }
    (!carry).then_some(sum)
}
