//! Decides what a picture is before anything is painted: light, ground, water, where sun and horizon stand.
use super::{
    canvas::Point,
    noise::Dice,
    palette::{Light, Palette},
    words::Word,
};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ground {
    Mountains,
    Hills,
    Dunes,
    Forest,
    City,
    Field,
    Sea,
    Island,
    /// No ground: the sky of space fills the sheet.
    Space,
    /// A plain backdrop for one thing seen close.
    Studio,
    /// No place at all.
    Abstract,
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub words: Vec<Word>,
    pub seed: u32,
    pub aspect: f32,
    pub light: Light,
    pub palette: Palette,
    pub ground: Ground,
    pub has_water: bool,
    /// Height at which the sky ends, from the top.
    pub horizon: f32,
    /// Where sun or moon stands; it lights even when clouds hide it.
    pub sun: Point,
    pub is_moon: bool,
    pub shows_disc: bool,
    /// 0 clear … 1 overcast.
    pub clouds: f32,
    /// 0 none … 1 thick.
    pub mist: f32,
    /// Where the subject stands, as a share of the width.
    pub focus: f32,
}

impl Plan {
    pub fn new(words: Vec<Word>, seed: u32, aspect: f32) -> Self {
        use Word::*;
        let mut dice = Dice::new(seed);
        let has = |word: Word| words.contains(&word);
        let ground = ground(&words, &mut dice);
        let light = light(&words, ground, &mut dice);
        let palette = Palette::choose(light, &words, &mut dice);
        let has_water = match ground {
            Ground::Sea | Ground::Island => true,
            Ground::Mountains | Ground::Forest | Ground::City | Ground::Hills => {
                has(Lake) || has(Sea) || has(River) || has(Boat) || has(Bridge) || has(Fish) || has(Waterfall)
            }
            _ => false,
        };
        let horizon = if has(Aerial) {
            0.24
        } else {
            match ground {
                Ground::Space => 1.4,
                Ground::Sea | Ground::Island => dice.between(0.56, 0.66),
                Ground::City | Ground::Forest if has_water => 0.64,
                _ if has_water => 0.60,
                Ground::Field => 0.46,
                Ground::Dunes => 0.52,
                _ => dice.between(0.50, 0.60),
            }
        };
        let side = if dice.chance(0.5) { 1.0 / 3.0 } else { 2.0 / 3.0 };
        let focus = if has(Symmetric) || has(Close) { 0.5 } else { side };
        let sun_x = if has(Symmetric) { 0.5 } else { 1.0 - side + dice.between(-0.06, 0.06) };
        let low = light == Light::Sunset || light == Light::Dawn || light == Light::Dusk;
        let rise = if low { dice.between(0.05, 0.14) } else { dice.between(0.26, 0.36) };
        let is_moon = light == Light::Night || (light == Light::Dusk && has(Moon));
        let sun_y =
            if is_moon { horizon.min(0.7) * dice.between(0.28, 0.40) } else { (horizon.min(0.8) - rise).max(0.1) };
        let cloudless = matches!(light, Light::Night) || has(Stars) || has(Minimal) || has(Aurora);
        Self {
            seed: dice.whole(),
            aspect,
            light,
            palette,
            ground,
            has_water,
            horizon,
            sun: (sun_x * aspect, sun_y),
            is_moon,
            shows_disc: light != Light::Storm
                && !has(Rain)
                && !has(Aurora)
                && (!is_moon || has(Moon) || dice.chance(0.7)),
            clouds: match () {
                () if light == Light::Storm => 0.95,
                () if has(Cloud) => 0.8,
                () if has(Rain) || has(Snow) => 0.75,
                () if cloudless => 0.18,
                () => dice.between(0.38, 0.6),
            },
            mist: if has(Fog) {
                1.0
            } else if low {
                0.45
            } else {
                0.25
            },
            focus,
            words,
        }
    }

    pub fn has(&self, word: Word) -> bool {
        self.words.contains(&word)
    }

    /// Dice of their own for one part of the picture, so that parts do not disturb each other.
    pub fn dice(&self, part: u32) -> Dice {
        Dice::new(self.seed ^ part.wrapping_mul(0x9e37_79b1))
    }

    pub fn is_dark(&self) -> bool {
        matches!(self.light, Light::Night | Light::Dusk)
    }

    /// The size of things: a tall sheet is narrow, so things on it are smaller than its height suggests.
    pub fn scale(&self) -> f32 {
        self.aspect.clamp(0.55, 1.15)
    }
}

fn ground(words: &[Word], dice: &mut Dice) -> Ground {
    use Word::*;
    let has = |list: &[Word]| list.iter().any(|word| words.contains(word));
    if has(&[Gem]) && !has(&[Mountain, Sea, City, Forest, Desert, Lake, Abstract]) {
        return Ground::Studio;
    }
    if has(&[Abstract, Rings, Flow, Facets, Geometric, Cubist]) && !has(&[Mountain, Sea, City, Forest, Desert, Lake]) {
        return Ground::Abstract;
    }
    let choices: [(&[Word], Ground); 12] = [
        (&[Gem, Fruit], Ground::Studio),
        (&[City], Ground::City),
        (&[Desert], Ground::Dunes),
        (&[Mountain, Waterfall], Ground::Mountains),
        (&[Island], Ground::Island),
        (&[Forest], Ground::Forest),
        (&[Field, Meadow], Ground::Field),
        (&[Sea, Lighthouse, Fish, Waves], Ground::Sea),
        (&[Hill, House, Castle, Tree, Balloon, River], Ground::Hills),
        (&[Lake, Temple, Aurora, Bridge], Ground::Mountains),
        (&[Boat], Ground::Sea),
        (&[Space, Planet], Ground::Space),
    ];
    if has(&[Space, Planet]) && !has(&[Mountain, Sea, Desert, Forest, City, Lake, Hill, Island, Field, Meadow]) {
        return Ground::Space;
    }
    if has(&[Flower])
        && !has(&[
            Mountain, Sea, Desert, Forest, City, Lake, Hill, Field, Meadow, House, Tree, Temple, Castle, Cat, Fox,
            Person,
        ])
    {
        return Ground::Studio;
    }
    if let Some((_, ground)) = choices.iter().find(|(list, _)| has(list)) {
        return *ground;
    }
    if has(&[Cat, Fox, Person, Bird, Rainbow, Firefly, Lantern]) {
        return [Ground::Hills, Ground::Mountains, Ground::Hills][dice.pick(3)];
    }
    if has(&[Sun, Moon, Stars, Cloud, Rain, Snow, Fog, Storm, Dawn, Noon, Sunset, Dusk, Night, Autumn, Winter, Spring])
    {
        return [Ground::Mountains, Ground::Hills, Ground::Sea, Ground::Forest][dice.pick(4)];
    }
    // Nothing known: half the time a place, half the time none.
    [Ground::Abstract, Ground::Mountains, Ground::Abstract, Ground::Dunes, Ground::Abstract, Ground::Sea][dice.pick(6)]
}

fn light(words: &[Word], ground: Ground, dice: &mut Dice) -> Light {
    use Word::*;
    let has = |list: &[Word]| list.iter().any(|word| words.contains(word));
    let choices: [(&[Word], Light); 6] = [
        (&[Storm], Light::Storm),
        (&[Night, Stars, Aurora, Moon, Firefly, Space], Light::Night),
        (&[Sunset], Light::Sunset),
        (&[Dawn], Light::Dawn),
        (&[Dusk, Lantern, Neon], Light::Dusk),
        (&[Noon, Rainbow, Spring], Light::Day),
    ];
    if has(&[Dusk]) && has(&[Moon, Stars]) {
        return Light::Dusk;
    }
    if let Some((_, light)) = choices.iter().find(|(list, _)| has(list)) {
        return *light;
    }
    if has(&[Rain]) {
        return Light::Storm;
    }
    if ground == Ground::Space {
        return Light::Night;
    }
    if has(&[Dark]) {
        return Light::Dusk;
    }
    if has(&[Bright, Snow, Winter, Pastel]) {
        return [Light::Day, Light::Dawn][dice.pick(2)];
    }
    [Light::Dawn, Light::Day, Light::Sunset, Light::Sunset, Light::Dusk, Light::Day][dice.pick(6)]
}
