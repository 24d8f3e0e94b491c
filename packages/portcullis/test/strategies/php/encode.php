<?php
// Random sessions, the same for one seed, as the three handlers encode them and as PHP itself sees them: one JSON array.
enum Role { case Admin; case User; }
class Base { private $secret = 'base'; protected $level; public $open; function __construct($l, $o) { $this->level = $l; $this->open = $o; } }
final class NullHandler implements SessionHandlerInterface {
    function open($path, $name): bool { return true; }
    function close(): bool { return true; }
    function read($id): string { return ''; }
    function write($id, $data): bool { return true; }
    function destroy($id): bool { return true; }
    function gc($lifetime): int { return 0; }
}

function scalar() {
    switch (mt_rand(0, 9)) {
        case 0: return null;
        case 1: return (bool) mt_rand(0, 1);
        case 2: return mt_rand(-1000, 1000);
        case 3: return mt_rand() * mt_rand() * (mt_rand(0, 1) ? 2 : -2);
        case 4: return mt_rand() / mt_rand(1, 1000000) * 10 ** mt_rand(-30, 30);
        case 5: return [INF, -INF, NAN, -0.0, PHP_INT_MAX, PHP_INT_MIN, 9007199254740991, 9007199254740992][mt_rand(0, 7)];
        case 6: return random_text(mt_rand(0, 20));
        case 7: return str_repeat("é\u{1F600}", mt_rand(0, 3)) . '|admin|b:1;";}' . mt_rand();
        case 8: return (string) mt_rand(0, 100);
        default: return Role::cases()[mt_rand(0, 1)];
    }
}
function random_text($length) { $text = ''; while ($length-- > 0) $text .= chr(mt_rand(0, 255)); return $text; }
function value($depth) {
    switch ($depth > 4 ? 0 : mt_rand(0, 4)) {
        case 1: $list = []; for ($i = mt_rand(0, 4); $i > 0; $i--) $list[] = value($depth + 1); return $list;
        case 2: $map = []; for ($i = mt_rand(1, 4); $i > 0; $i--) $map[mt_rand(0, 1) ? mt_rand(-5, 5) : 'k|' . mt_rand(0, 9)] = value($depth + 1); return $map;
        case 3: return mt_rand(0, 1) ? (object) ['a' => value($depth + 1), 7 => 1] : new Base(value($depth + 1), value($depth + 1));
        default: return scalar();
    }
}
function session() {
    $session = [];
    for ($i = mt_rand(1, 6); $i > 0; $i--) $session['v' . mt_rand(0, 99)] = value(0);
    $names = array_keys($session);
    // The same variable, the same object, and both inside something else; a value after each shows whether the count is kept.
    $first = $names[0];
    $session['same'] = &$session[$first];
    $session['object'] = new Base($session[$first], 1);
    $session['again'] = [$session['object'], 'x', $session['object'], Role::Admin, Role::Admin];
    $session['inside'] = ['deep' => &$session['object']->open, 'next' => 'y'];
    $session['last'] = &$session['inside']['next'];
    return $session;
}
function seen($value) {
    if (is_int($value) && abs($value) > 9007199254740991) return ['$int' => (string) $value];
    if (is_int($value) || is_float($value)) return ['$number' => is_nan((float) $value) ? 'nan' : bin2hex(pack('E', $value))];
    if (is_string($value)) return preg_match('//u', $value) ? $value : ['$bytes' => base64_encode($value)];
    if ($value instanceof UnitEnum) return ['$class' => $value::class, '$of' => ['$map' => ['name' => $value->name]]];
    if (is_object($value)) {
        $of = [];
        foreach ((array) $value as $name => $member) {
            $parts = explode("\0", (string) $name);
            $of[end($parts)] = seen($member);
        }
        return ['$class' => $value::class, '$of' => ['$map' => (object) $of]];
    }
    if (!is_array($value)) return $value;
    $members = array_map('seen', $value);
    return array_is_list($value) ? $members : ['$map' => (object) $members];
}

mt_srand((int) $argv[1]);
$sessions = [];
for ($i = (int) $argv[2]; $i > 0; $i--) $sessions[] = session();
$out = [];
session_set_save_handler(new NullHandler());
foreach (['php', 'php_serialize', 'php_binary'] as $handler) {
    ini_set('session.serialize_handler', $handler);
    session_start(['use_cookies' => 0, 'cache_limiter' => '']);
    foreach ($sessions as $session) {
        $_SESSION = $session;
        $out[] = [$handler, base64_encode(session_encode()), ['$map' => (object) array_map('seen', $session)]];
    }
    session_abort();
}
echo json_encode($out, JSON_THROW_ON_ERROR);
