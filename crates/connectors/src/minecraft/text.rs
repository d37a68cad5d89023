//! Texts of the game: plain ones with `§` codes, and those of JSON with parts in parts.

use serde_json::{Value, json};

/// Longer ones are cut.
const LONGEST: usize = 1000;

/// What a player would read, without colours.
pub(super) fn plain(text: &Value) -> String {
    let mut said = String::new();
    say(text, &mut said);
    bare(&said)
}

// The depth is bounded by whoever read the JSON.
fn say(text: &Value, said: &mut String) {
    match text {
        Value::String(text) => said.push_str(text),
        Value::Array(parts) => parts.iter().for_each(|part| say(part, said)),
        Value::Object(text) => {
            if let Some(own) = text.get("text").or_else(|| text.get("translate")) {
                say(own, said);
            }
            if let Some(more) = text.get("extra") {
                say(more, said);
            }
        }
        Value::Number(number) => said.push_str(&number.to_string()),
        Value::Null | Value::Bool(_) => {}
    }
}

/// Without `§` and the letter behind it, and without what is no text at all.
pub(super) fn bare(text: &str) -> String {
    let mut bare = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '§' => drop(letters.next()),
            letter if letter.is_control() && letter != '\n' => {}
            letter => bare.push(letter),
        }
    }
    bare.chars().take(LONGEST).collect::<String>().trim().to_owned()
}

/// A text as it is sent: JSON text stays what it is, anything else becomes one.
pub(super) fn component(text: &str) -> Value {
    let parsed = text.trim_start().starts_with(['{', '[']).then(|| serde_json::from_str(text).ok());
    parsed.flatten().unwrap_or_else(|| json!({ "text": text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_in_parts_are_one_text_without_colours() {
        let text = json!({"text": "§aAu", "extra": ["ber", {"text": "ge", "bold": true, "extra": [{"translate": " x"}]}, 5]});
        assert_eq!(plain(&text), "Auberge x5");
        assert_eq!(plain(&json!("§6A\u{0}B§")), "AB");
        assert_eq!(plain(&json!(null)), "");
    }

    #[test]
    fn plain_text_and_json_text_are_told_apart() {
        assert_eq!(component("Bonjour {toi}"), json!({"text": "Bonjour {toi}"}));
        assert_eq!(component("{not json"), json!({"text": "{not json"}));
        assert_eq!(component(r#"{"text":"a","color":"red"}"#), json!({"text": "a", "color": "red"}));
        assert_eq!(component("\"quoted\""), json!({"text": "\"quoted\""}));
    }
}
