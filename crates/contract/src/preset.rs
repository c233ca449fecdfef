//! Presets: attributes that a person likes together, under a name.
use chrono::{DateTime, Utc};
use lapidary_domain::Attribute;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Preset {
    pub id: Uuid,
    pub name: String,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schema::Attribute>))]
    pub attributes: Vec<Attribute>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub created_at: DateTime<Utc>,
    #[serde(deserialize_with = "crate::moment::at")]
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "name": "Quiet winter",
    "attributes": [{"section": "Light", "value": "golden hour"}, {"section": "Mood", "value": "serene"}]
})))]
#[serde(deny_unknown_fields)]
pub struct CreatePreset {
    /// 1 to 80 characters; yours have different names, whatever their case.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 80))]
    pub name: String,
    /// 1 to 40.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schema::Attribute>, min_items = 1, max_items = 40))]
    pub attributes: Vec<Attribute>,
}

/// What is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"name": "Golden hour"})))]
#[serde(deny_unknown_fields)]
pub struct UpdatePreset {
    /// 1 to 80 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// 1 to 40.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<crate::schema::Attribute>>))]
    pub attributes: Option<Vec<Attribute>>,
}
