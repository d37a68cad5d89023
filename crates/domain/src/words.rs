//! `words!`: an enum whose variants are words, written the same way in the database, in JSON and on screens.

/// Defines an enum with `as_str`, `Display`, `FromStr`, serde and (with the feature `openapi`) a schema, all
/// speaking the same snake_case words. The schema carries the comments, and the name after `as` where several enums
/// share theirs.
macro_rules! words {
    ($(#[doc = $about:literal])* pub enum $name:ident $(as $schema:literal)? {
        $($(#[doc = $meaning:literal])* $variant:ident = $word:literal),+ $(,)?
    }) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[doc = $meaning])* #[serde(rename = $word)] $variant),+ }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let about = concat!($($about,)* "\n" $(, "\n- `", $word, "`:", $($meaning),*)+);
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some([$($word),+]))
                    .description(Some(about.trim()))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {
            $(fn name() -> std::borrow::Cow<'static, str> { $schema.into() })?
        }

        impl $name {
            /// Every word, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::names::UnknownWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::names::UnknownWord {
                        word: text.chars().take(40).collect(),
                        allowed: &[$($word),+],
                    }),
                }
            }
        }
    };
}
