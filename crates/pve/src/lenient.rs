//! Reads what Perl writes: a number may arrive as text, a boolean as `1`, `"1"`, `""` or `true`, and anything as null.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A value that can be read from any scalar Proxmox VE may send for it.
pub(crate) trait Scalar: Sized {
    fn from_scalar(value: &Value) -> Option<Self>;
}

impl Scalar for f64 {
    fn from_scalar(value: &Value) -> Option<Self> {
        match value {
            Value::Number(n) => n.as_f64(),
            Value::String(s) => s.trim().parse().ok(),
            Value::Bool(b) => Some(f64::from(u8::from(*b))),
            _ => None,
        }
    }
}

impl Scalar for i64 {
    fn from_scalar(value: &Value) -> Option<Self> {
        let exact = match value {
            Value::Number(n) => n.as_i64(),
            Value::String(s) => s.trim().parse().ok(),
            _ => None,
        };
        exact.or_else(|| {
            f64::from_scalar(value).filter(|f| f.is_finite() && f.abs() < 9.0e18).map(|f| f.trunc() as i64)
        })
    }
}

impl Scalar for u64 {
    fn from_scalar(value: &Value) -> Option<Self> {
        if let Value::Number(n) = value
            && let Some(exact) = n.as_u64()
        {
            return Some(exact);
        }
        i64::from_scalar(value).and_then(|n| Self::try_from(n).ok())
    }
}

impl Scalar for u32 {
    fn from_scalar(value: &Value) -> Option<Self> {
        u64::from_scalar(value).and_then(|n| Self::try_from(n).ok())
    }
}

impl Scalar for bool {
    fn from_scalar(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(b) => Some(*b),
            Value::Number(n) => n.as_f64().map(|f| f != 0.0),
            Value::String(s) => match s.trim().to_ascii_lowercase().as_str() {
                "" | "0" | "no" | "off" | "false" => Some(false),
                "1" | "yes" | "on" | "true" => Some(true),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Scalar for String {
    fn from_scalar(value: &Value) -> Option<Self> {
        match value {
            Value::String(s) => Some(s.clone()),
            Value::Number(n) => Some(n.to_string()),
            Value::Bool(b) => Some(u8::from(*b).to_string()),
            _ => None,
        }
    }
}

/// For a field that may be absent, null or unreadable: one odd figure must not hide a whole inventory.
pub(crate) fn optional<'de, D: Deserializer<'de>, T: Scalar>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(T::from_scalar(&Value::deserialize(deserializer)?))
}

/// For a field whose absence means its default (`false`, 0, empty).
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Scalar + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    optional(deserializer).map(Option::unwrap_or_default)
}

/// For a field without which the answer means nothing.
pub(crate) fn required<'de, D: Deserializer<'de>, T: Scalar>(deserializer: D) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    T::from_scalar(&value)
        .ok_or_else(|| D::Error::custom(format!("expected a {}, found {value}", std::any::type_name::<T>())))
}

/// For an optional value of a checked type (a name); what does not parse is left out.
pub(crate) fn parsed<'de, D: Deserializer<'de>, T: std::str::FromStr>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let text: Option<String> = optional(deserializer)?;
    Ok(text.and_then(|t| t.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_and_booleans_come_in_any_dress() {
        assert_eq!(u64::from_scalar(&json!("256")), Some(256));
        assert_eq!(u64::from_scalar(&json!(256)), Some(256));
        assert_eq!(u64::from_scalar(&json!(2.0e9)), Some(2_000_000_000));
        assert_eq!(u64::from_scalar(&json!(u64::MAX)), Some(u64::MAX));
        assert_eq!(u64::from_scalar(&json!(-1)), None);
        assert_eq!(i64::from_scalar(&json!(-1)), Some(-1));
        assert_eq!(f64::from_scalar(&json!("0.5")), Some(0.5));
        assert_eq!(u64::from_scalar(&json!(null)), None);
        for yes in [json!(1), json!("1"), json!(true), json!("on")] {
            assert_eq!(bool::from_scalar(&yes), Some(true), "{yes}");
        }
        for no in [json!(0), json!("0"), json!(false), json!("")] {
            assert_eq!(bool::from_scalar(&no), Some(false), "{no}");
        }
        assert_eq!(String::from_scalar(&json!(9)), Some("9".to_owned()));
    }
}
