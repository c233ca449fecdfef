//! What a prompt's words mean to the painter. Only reads; knows nothing of colours or pixels.

/// Something a picture can show or be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    // Ground
    Mountain, Hill, Sea, Lake, River, Forest, City, Desert, Island, Meadow, Space, Waterfall, Field,
    // Subjects
    Tree, Flower, Lighthouse, House, Castle, Bridge, Boat, Bird, Cat, Fox, Person, Balloon, Planet, Gem, Fruit, Fish, Temple,
    // Sky and weather
    Sun, Moon, Stars, Aurora, Cloud, Rain, Snow, Fog, Storm, Rainbow, Firefly, Lantern,
    // Time of day
    Dawn, Noon, Sunset, Dusk, Night, Autumn, Winter, Spring,
    // Palette
    Warm, Cool, Pastel, Neon, Mono, Teal, Amber, Earthy, Jewel, Red, Green, Blue, Violet, Pink, Gold, Vivid, Muted, Sepia,
    // Style
    Watercolour, Oil, Ink, LowPoly, Glass, Pixel, Print, LineArt, Photo, Flat, Cubist, Pencil,
    // Composition and mood
    Minimal, Symmetric, Close, Aerial, Dark, Bright, Abstract, Rings, Waves, Flow, Facets, Geometric,
}

use Word::*;

/// Latin words: whole words (an `s` may follow), or beginnings when they end in `*`.
const LATIN: &[(&str, Word)] = &[
    ("mountain* peak* alp alpine summit cliff* montaña* montagne* berg berge gebirge гор* canyon fjord* volcan* ridge* himalaya*", Mountain),
    ("hill* hügel colline* colina* холм* countryside tuscan* moor* valley* tal vallée valle долин*", Hill),
    ("sea ocean* seascape* meer ozean mer océan mar océano мор* океан* beach* coast* shore* harbo* surf tide* strand plage playa пляж*", Sea),
    ("lake* lagoon* pond* see lac lago озер* reflection* mirror*", Lake),
    ("river* stream* creek* fluss rivière río рек* canal*", River),
    ("forest* wood woods woodland* wald forêt bosque* лес леса лесу лесн* jungle* pine* taiga fir grove*", Forest),
    ("city cities skyline* metropolis town* urban street* skyscraper* downtown stadt ville ciudad город* cyberpunk tokyo york paris london", City),
    ("desert* dune* sahara wüste désert desierto пустын* sand oasis savanna*", Desert),
    ("island* isle* insel île isla остров* atoll*", Island),
    ("meadow* grass grassland* prairie* wiese* pré pradera луг* pasture* steppe*", Meadow),
    ("field* lavender wheat feld champ* campo поле поля vineyard* tulip*", Field),
    ("space galax* nebula* cosmos cosmic universe weltraum espace espacio космос* astronaut* spaceship* orbit*", Space),
    ("waterfall* cascade* wasserfall cascada водопад*", Waterfall),
    ("tree* baum bäume arbre* árbol* дерев* oak* willow* cherry sakura bonsai maple* birch*", Tree),
    ("flower* blossom* blume* fleur* flor flores цвет цветы цветок rose roses lotus peon* orchid* poppy poppies sunflower* lily lilies bouquet* bloom* floral", Flower),
    ("lighthouse* leuchtturm phare faro маяк*", Lighthouse),
    ("house* cabin* cottage* hut home haus hütte maison* casa дом дома домик* barn farmhouse farm chalet village*", House),
    ("castle* fortress* palace* schloss burg château castillo замок замк* tower* turret* cathedral*", Castle),
    ("bridge* brücke pont puente мост мосты viaduct*", Bridge),
    ("boat* ship ships sail sails sailing sailboat* schiff boot bateau* barco* лодк* корабл* yacht* canoe* sailor*", Boat),
    ("bird* seagull* gull* swallow* crane* vogel vögel oiseau* pájaro* птиц* raven* crow crows heron* flock* eagle* owl*", Bird),
    ("cat kitten* katze* chat gato* gata кошк* кот кота kitty feline", Cat),
    ("fox foxes fuchs renard zorro лис лиса лисы лису wolf wolves dog dogs hund perro собак* волк*", Fox),
    ("person people man woman girl boy traveller* traveler* wanderer* figure* hiker* samurai knight* wizard* silhouette* child monk* couple friend*", Person),
    ("balloon* ballon* globo* воздушн*", Balloon),
    ("planet* saturn jupiter mars planeten planète* planeta* планет* moons exoplanet*", Planet),
    ("gem gems gemstone* crystal* diamond* jewel jewels sapphire* ruby emerald* amethyst* quartz opal* edelstein* kristall* cristal* gema кристалл* lapidary geode* facet faceted", Gem),
    ("fruit* apple* orange pear pears still-life stilleben bodegón lemon* peach* grapes bowl vase* pomegranate* натюрморт", Fruit),
    ("fish fishes koi whale* dolphin* fisch* poisson* pez peces рыб* кит киты", Fish),
    ("temple* pagoda* shrine* torii tempel храм* monaster*", Temple),
    ("sun sunny sunlit sonne soleil sol солнц* sunlight sunshine sunbeam*", Sun),
    ("moon moonlit moonlight mond lune luna лун* crescent", Moon),
    ("star stars starry stern* étoile* estrella* звезд* звёзд* constellation* milky", Stars),
    ("aurora* borealis polarlicht* сияни* northern-lights", Aurora),
    ("cloud* cloudy wolke* nuage* nube* облак* cumulus overcast", Cloud),
    ("rain rainy raining regen pluie lluvia дожд* drizzle downpour", Rain),
    ("snow snowy snowfall schnee neige nieve снег* снеж* blizzard frost* ice icy glacier*", Snow),
    ("fog foggy mist misty haze hazy nebel brume brouillard niebla туман* smoky ethereal", Fog),
    ("storm* stormy thunder* lightning sturm tempête tormenta гроз* бур*", Storm),
    ("rainbow* regenbogen arc-en-ciel arcoíris радуг*", Rainbow),
    ("firefly fireflies glühwürmchen magical magic enchanted fairy fairies", Firefly),
    ("lantern* laterne* lanterne* фонар* lamp lamps", Lantern),
    ("dawn sunrise morning daybreak morgen* aube amanecer рассвет* утр*", Dawn),
    ("noon midday daylight day mittag midi mediodía полдень summer", Noon),
    ("sunset* golden-hour evening sonnenuntergang abend* coucher atardecer закат* вечер*", Sunset),
    ("dusk twilight blue-hour dämmerung crépuscule crepúsculo сумерк* gloaming", Dusk),
    ("night* midnight nocturn* nacht nuit noche ноч* moonless", Night),
    ("autumn* fall herbst automne otoño осен*", Autumn),
    ("winter* hiver invierno зим*", Winter),
    ("spring frühling printemps primavera весн* весен*", Spring),
    ("warm* cosy cozy hot fire fiery campfire", Warm),
    ("cool cold chilly kühl froid frío холод* serene calm", Cool),
    ("pastel* soft gentle dreamy delicate zart", Pastel),
    ("neon* synthwave vaporwave retrowave glowing fluorescent electric", Neon),
    ("monochrom* black-and-white grayscale greyscale noir schwarzweiß", Mono),
    ("teal turquoise türkis cyan aqua бирюз*", Teal),
    ("amber honey bernstein янтар* copper bronze", Amber),
    ("earth earthy earthen terracotta ochre clay rustic", Earthy),
    ("jewel-tone* rich opulent luxurious velvet", Jewel),
    ("red crimson scarlet rot rouge rojo roja красн*", Red),
    ("green emerald-green grün vert verde зелен* зелён*", Green),
    ("blue azure cobalt indigo blau bleu azul син* голуб*", Blue),
    ("violet purple lilac mauve lila morado фиолет*", Violet),
    ("pink magenta rosa rosy розов*", Pink),
    ("gold golden gilded dorado золот*", Gold),
    ("vivid vibrant colorful colourful bold bright-colou* saturated rainbow-colou* bunt", Vivid),
    ("muted desaturated faded subdued washed", Muted),
    ("sepia vintage antique daguerreotype nostalgic victorian", Sepia),
    ("watercolo* aquarell* aquarelle acuarela акварел* gouache", Watercolour),
    ("oil ölgemälde huile óleo impasto impression* painting painterly acrylic масл* monet renaissance baroque", Oil),
    ("ink sumi* tusche encre tinta тушь calligraph* etching engraving woodcut crosshatch* linocut", Ink),
    ("low-poly lowpoly polygon* origami papercraft", LowPoly),
    ("stained-glass stained vitrail vidriera glasmalerei витраж* mosaic*", Glass),
    ("pixel* 8-bit 16-bit voxel*", Pixel),
    ("risograph* riso print screenprint* halftone poster* ukiyo-e woodblock pop-art comic* lithograph*", Print),
    ("line-art lineart line-drawing outline* blueprint* technical minimal-line", LineArt),
    ("photo* photograph* cinematic film realistic 35mm analog* dslr bokeh hdr", Photo),
    ("flat vector illustration* anime ghibli cartoon* storybook children* paper-cut", Flat),
    ("cubist cubism bauhaus deco", Cubist),
    ("pencil* charcoal sketch* graphite bleistift* crayon* карандаш*", Pencil),
    ("minimal* minimalist* negative-space simple empty lonely solitary alone", Minimal),
    ("symmetr* centered centred central", Symmetric),
    ("close-up closeup macro detail portrait*", Close),
    ("aerial bird's-eye top-down drone", Aerial),
    ("dark* moody gloomy dramatic mysterious ominous gothic melancholy", Dark),
    ("bright airy luminous radiant cheerful joyful sunny hopeful", Bright),
    ("abstract* abstrakt* abstrait* abstracto generative pattern* surreal texture абстракт*", Abstract),
    ("ring rings circle* concentric spiral* ripple* mandala*", Rings),
    ("wave waves welle* vague* ola olas волн*", Waves),
    ("flow flowing fluid swirl* smoke silk marbl* liquid", Flow),
    ("voronoi shard* cells crystalline fractal*", Facets),
    ("geometric* geometry shapes squares triangles kandinsky", Geometric),
];

/// Chinese and Japanese words, found anywhere.
const HAN: &[(&str, Word)] = &[
    ("山", Mountain), ("海", Sea), ("湖", Lake), ("河", River), ("江", River), ("森", Forest), ("林", Forest),
    ("城市", City), ("都市", City), ("沙漠", Desert), ("岛", Island), ("島", Island), ("草原", Meadow), ("宇宙", Space),
    ("树", Tree), ("樱", Tree), ("桜", Tree), ("花", Flower), ("灯塔", Lighthouse), ("房", House), ("家", House),
    ("城堡", Castle), ("桥", Bridge), ("船", Boat), ("鸟", Bird), ("鳥", Bird), ("猫", Cat), ("狐", Fox), ("鱼", Fish),
    ("气球", Balloon), ("行星", Planet), ("宝石", Gem), ("水晶", Gem), ("太阳", Sun), ("月", Moon), ("星", Stars),
    ("极光", Aurora), ("云", Cloud), ("雨", Rain), ("雪", Snow), ("雾", Fog), ("日出", Dawn), ("日落", Sunset),
    ("夜", Night), ("秋", Autumn), ("水彩", Watercolour), ("油画", Oil), ("水墨", Ink), ("像素", Pixel), ("抽象", Abstract),
    ("寺", Temple), ("人", Person),
];

/// The words of a prompt that mean something here, each once, in order of the table.
pub fn read(prompt: &str) -> Vec<Word> {
    let lower = prompt.to_lowercase();
    let mut tokens: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '\'').filter(|token| !token.is_empty()).collect();
    let joined: Vec<String> = tokens.windows(2).map(|pair| pair.join("-")).collect();
    tokens.extend(joined.iter().map(String::as_str));
    let latin = LATIN.iter().filter(|(stems, _)| stems.split(' ').any(|stem| tokens.iter().any(|token| is(token, stem))));
    let han = HAN.iter().filter(|(sign, _)| lower.contains(sign));
    let mut words: Vec<Word> = Vec::new();
    for (_, word) in latin.chain(han) {
        if !words.contains(word) {
            words.push(*word);
        }
    }
    words
}

fn is(token: &str, stem: &str) -> bool {
    match stem.strip_suffix('*') {
        Some(start) => token.starts_with(start),
        None => token == stem || token.strip_suffix('s').is_some_and(|one| one == stem && one.len() > 2),
    }
}
