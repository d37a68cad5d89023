//! The little of the contracts' ABI that is needed: calls with words, and answers of a number or a short text.

use crate::x402::eip712::keccak;

/// Longer names are not believed, in bytes.
const LONGEST_TEXT: usize = 64;

/// A word: the value on the right.
pub(super) fn word<const N: usize>(bytes: [u8; N]) -> [u8; 32] {
    let mut word = [0; 32];
    word[32 - N..].copy_from_slice(&bytes);
    word
}

/// A call's data.
pub(super) fn call(function: &str, words: &[[u8; 32]]) -> Vec<u8> {
    [&keccak(function.as_bytes())[..4], words.as_flattened()].concat()
}

/// The one number of an answer; none where it is larger than any that we deal in.
pub(super) fn number(answer: &[u8]) -> Option<u128> {
    let (high, low) = answer.split_at_checked(16)?;
    if high.iter().any(|byte| *byte != 0) {
        return None;
    }
    Some(u128::from_be_bytes(low.try_into().ok()?))
}

/// The one text of an answer: offset, length, bytes.
pub(super) fn text(answer: &[u8]) -> Option<String> {
    let (words, _) = answer.as_chunks::<32>();
    if number(words.first()?)? != 32 {
        return None;
    }
    let length = usize::try_from(number(words.get(1)?)?).ok().filter(|length| *length <= LONGEST_TEXT)?;
    let text = String::from_utf8(answer.get(64..64 + length)?.to_vec()).ok()?;
    (!text.is_empty() && !text.chars().any(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn selectors_are_those_of_the_contract() {
        // As Circle's contract lists them.
        for (function, selector) in [
            ("name()", "06fdde03"),
            ("version()", "54fd4d50"),
            ("decimals()", "313ce567"),
            ("balanceOf(address)", "70a08231"),
            ("authorizationState(address,bytes32)", "e94a0102"),
            ("DOMAIN_SEPARATOR()", "3644e515"),
        ] {
            assert_eq!(hex::encode(call(function, &[])), selector, "{function}");
        }
    }

    #[test]
    fn a_text_is_read_and_a_wrong_one_is_not() {
        let padded = |length: u8, text: &[u8]| {
            let mut whole = [word([32]), word([length])].as_flattened().to_vec();
            whole.extend_from_slice(text);
            whole.resize(96, 0);
            whole
        };
        assert_eq!(text(&padded(4, b"USDC")).as_deref(), Some("USDC"));
        for bad in [
            padded(0, b""),
            padded(65, b"x"),
            padded(33, b"x"),
            padded(4, b"US\nC"),
            padded(2, b"\xff\xff"),
            vec![],
            vec![0xff; 96],
            vec![0; 64],
        ] {
            assert_eq!(text(&bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(answer in proptest::collection::vec(any::<u8>(), 0..130)) {
            let _ = (number(&answer), text(&answer));
        }
    }
}
