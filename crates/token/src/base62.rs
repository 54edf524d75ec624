//! Base62 with the digits in ASCII order, so that numbers of equal length sort as their text does.

use zeroize::Zeroizing;

pub(crate) const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The big-endian integer in `bytes` as `N` digits, zero-padded on the left.
///
/// The whole input is converted as one number: taking each byte modulo 62 would make eight of the digits a
/// quarter more frequent than the others. `N` digits must have room for the number. The buffer is wiped when
/// dropped because it may hold a secret.
pub(crate) fn encode<const N: usize>(bytes: &[u8]) -> Zeroizing<[u8; N]> {
    let mut digits = Zeroizing::new([0_u8; N]);
    for &byte in bytes {
        // number = number * 256 + byte, from the last digit to the first.
        let mut carry = u32::from(byte);
        for digit in digits.iter_mut().rev() {
            let value = u32::from(*digit) * 256 + carry;
            *digit = (value % 62) as u8;
            carry = value / 62;
        }
        debug_assert_eq!(carry, 0, "the number does not fit");
    }
    for digit in digits.iter_mut() {
        *digit = DIGITS[usize::from(*digit)];
    }
    digits
}
