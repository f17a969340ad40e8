#!/usr/bin/env bash
# Puts the firmware on a pen, or goes back to the one before. docs/flashing.md tells what lies on the pen and why.
#
# Every step leaves a pen that starts: the slot in use is not touched, the pointer is replaced last. So it may be killed
# at any point, and run again.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PEN_PYTHON:-$root/.venv/bin/python}
image=$root/build/firmware
backups=${PEN_BACKUPS:-$PWD/pen-backups}
target='' about='' prepare='' copy=() extra=() loader=() archived=() # the plan's
port='' uf2='' bootsel='' key='' serial='' action=upgrade dry='' yes=''

usage() {
    cat <<'END'
Usage: tools/flash.sh [--port PORT] [--key FILE] [options]

Copies build/firmware (`make firmware`) into the pen's idle slot, verifies it there, and starts it on trial.

  --port PORT         a device or pySerial URL; without it, the one that USB shows
  --key FILE          the pen's key: brings a running pen into service mode while you hold SELECT on it.
                      Without it: hold SELECT while you plug the pen in
  --provision SERIAL  a new pen: write its serial and a fresh key, which is saved in FILE (pen-SERIAL.key)
  --backup-only       only copy the pen's data to --backups
  --rollback          start the firmware in the other slot again
  --image DIR         a built firmware other than build/firmware
  --backups DIR       where the pen's data is copied first (PEN_BACKUPS; ./pen-backups)
  --uf2 FILE          MicroPython for a blank board; without it the pinned release is downloaded
  --bootsel DIR       where a blank board's drive is mounted, if not below /media, /run/media or /Volumes
  --dry-run           say what would be done, change nothing
  --yes               do not ask
  --help              this text

Exit code: 0 done, 1 refused or failed (the last line says what to do), 2 wrong use.
END
}

step() { printf '==> %s\n' "$*"; }
fail() { printf 'flash: %s\n' "$1" >&2; exit "${2:-1}"; }
host() { PYTHONPATH=$root "$python" -m tools.flashing "$@"; }
remote() { "$python" -m mpremote connect "$port" resume "$@" 2>&1 | tee "$work/said"; }
failed_copy() {
    [ ! -s "$work/said" ] || tail -n 4 "$work/said" >&2
    fail "the pen did not take it. What ran before still runs: check the cable and run this again"
}
# The port goes with the restart, before mpremote has heard that it is to come; what it says of that is no error.
restart() { remote exec --no-follow "import slots; slots.restart()" >/dev/null || true; }
value() { [ $# -ge 2 ] && [ -n "$2" ] || fail "$1 needs a value; --help tells" 2; }

# For tests: stop as if killed, when this step is reached.
at() { if [ "${FLASH_STOP_AT:-}" = "$1" ]; then kill -KILL $$; fi; }

while [ $# -gt 0 ]; do
    case $1 in
        --port) value "$@"; port=$2; shift ;;
        --key) value "$@"; key=$2; shift ;;
        --uf2) value "$@"; uf2=$2; shift ;;
        --bootsel) value "$@"; bootsel=$2; shift ;;
        --image) value "$@"; image=$2; shift ;;
        --backups) value "$@"; backups=$2; shift ;;
        --provision) value "$@"; serial=$2; shift ;;
        --backup-only) action=backup ;;
        --rollback) action=rollback ;;
        --dry-run) dry=1 ;;
        --yes | -y) yes=1 ;;
        --help | -h) usage; exit 0 ;;
        *) fail "what is '$1'? --help tells" 2 ;;
    esac
    shift
done
[ -x "$python" ] || fail "no $python: run 'make setup' first"
if [ -n "$serial" ]; then
    [ "$action" = upgrade ] || fail "--provision goes with an upgrade only" 2
    [[ $serial =~ ^[!-~]{1,12}$ ]] || fail "a serial is 1..12 printable characters without spaces, not '$serial'" 2
    key=${key:-pen-$serial.key}
fi
if [ "$action" = upgrade ] && [ ! -f "$image/manifest.json" ]; then
    fail "$image holds no firmware: run 'make firmware' first"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step "looking for the pen"
if [ -n "$bootsel" ]; then
    host check-bootsel "$bootsel"
elif [ -z "$port" ]; then
    found=$(host find)
    case $found in
        port:*) port=${found#port:} ;;
        bootsel:*) bootsel=${found#bootsel:} ;;
        *) host find --list >&2; exit 1 ;;
    esac
fi
if [ -n "$bootsel" ]; then
    step "a blank board: MicroPython onto $bootsel"
    [ -z "$uf2" ] || host check-uf2 "$uf2"
    if [ -n "$dry" ]; then
        echo "would copy ${uf2:-the pinned release, once downloaded}. Nothing was changed"
        exit 0
    fi
    if [ -z "$uf2" ]; then
        uf2=$(host download "$work")
        host check-uf2 "$uf2"
    fi
    cp "$uf2" "$bootsel/" || fail "the board did not take it: unplug it, hold BOOTSEL, plug it in, and run this again"
    sync
    port=$(host wait-port ${port:+"$port"})
fi
echo "    $port"

case $(host probe "$port") in
    pen)
        if [ -n "$dry" ]; then
            echo "the pen runs; it would be brought into service mode and judged there. Nothing was changed"
            exit 0
        fi
        step "bringing it into service mode"
        host service "$port" ${key:+--key "$key"} ${yes:+--yes} ;;
    prompt) ;;
    *) fail "nothing answers on $port: hold SELECT on the pen while you plug it in, and run this again" ;;
esac
at service

step "checking board and slots"
survey() { remote run "$root/tools/flashing/device/survey.py" >"$work/survey" || failed_copy; }
survey
host check "$work/survey" "$image" "$action"
host plan "$work/survey" "$image" "$action" >"$work/plan"
# shellcheck source=/dev/null
. "$work/plan"

step "reading the pen's records"
saved=$backups/$(date +%Y%m%d-%H%M%S)-$$
host fram-script >"$work/fram.py"
if [ -z "$dry" ]; then
    remote run "$work/fram.py" >"$work/fram.txt" || failed_copy
    (umask 077 && mkdir -p "$saved" && host fram "$work/fram.txt" "$saved/fram.bin")
    if [ ${#archived[@]} -gt 0 ]; then
        mkdir -p "$saved/log"
        for name in "${archived[@]}"; do remote fs cp ":/log/$name" "$saved/log/$name" >/dev/null || failed_copy; done
    fi
    echo "    saved in $saved"
fi
at backup
if [ "$action" = backup ]; then
    [ -n "$dry" ] || restart
    exit 0
fi
if [ -z "$dry" ]; then
    # what the new firmware could not read must not be started: refused before anything is touched
    host check-data "$saved" "$work/survey" "$image" "$action" "$target"
fi

if [ -n "$dry" ]; then
    echo "would copy ${#copy[@]} files into slot $target, remove ${#extra[@]}, then start it on trial"
    exit 0
fi
if [ -z "$yes" ] && [ -t 0 ]; then
    read -r -p "Go on with slot $target, $about? [y/N] " answer
    [[ $answer == [yY]* ]] || fail "nothing was changed"
fi

if [ "$action" = upgrade ]; then
    step "copying ${#copy[@]} changed files into slot $target, $about"
    remote exec "$prepare" || failed_copy
    at prepared
    if [ ${#copy[@]} -gt 0 ]; then
        commands=()
        for name in "${copy[@]}"; do commands+=(+ fs cp "$image/$name" ":/$target/$name"); done
        remote "${commands[@]:1}" >"$work/copied" || failed_copy
    fi
    at copied
    remote fs cp "$image/manifest.json" ":/$target/manifest.json" >/dev/null || failed_copy
    at manifest

    step "verifying on the pen"
    survey
    host verify "$work/survey" "$image" "$target"
    at verified

    for pair in "${loader[@]}"; do
        step "replacing /${pair#*=}, outside the slots"
        remote fs cp "$image/${pair%%=*}" ":/${pair#*=}.new" >/dev/null || failed_copy
        at loader-copied
        host replace-script "$image/${pair%%=*}" "/${pair#*=}" >"$work/replace.py"
        remote run "$work/replace.py" || failed_copy
        at loader
    done
    if [ -n "$serial" ]; then
        step "provisioning $serial"
        host key "$key"
        at key
        host provision-script "$serial" "$key" "$target" "$image" >"$work/provision.py"
        remote run "$work/provision.py" || fail "the pen was not provisioned: its last line above says why"
        rm -f "$work/provision.py"
        at provisioned
    fi
fi

step "pointing at slot $target"
remote exec "import slots; slots.point('$target')" || failed_copy
at pointed

step "restarting"
restart
at restarted
host ready "$port" "$target"
