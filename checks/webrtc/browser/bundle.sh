#!/bin/sh
# Makes jssip.js anew out of what package.json and package-lock.json pin: JsSIP and what it needs, one file, from npm.
# Needs node and npm; nothing of it is needed to run Reveille. The licences go into the file's head.
set -eu

here=$(dirname -- "$(readlink -f -- "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/package.json" "$here/package-lock.json" "$work/"
cd "$work"
npm ci --ignore-scripts --no-audit --no-fund >/dev/null

{
    printf '/*!\nMade by bundle.sh; do not edit. It holds these packages, each under the MIT License that follows:\n'
    for package in jssip debug ms events sdp-transform; do
        printf '\n%s\n' "=== $package $(node -p "require('./node_modules/$package/package.json').version")"
        cat "node_modules/$package"/LICENSE* "node_modules/$package"/license* 2>/dev/null || :
    done
    printf '*/\n'
} >head.txt
printf 'export * from "jssip";\n' >entry.js
node_modules/@esbuild/linux-x64/bin/esbuild entry.js --bundle --minify --format=iife --global-name=JsSIP \
    --define:global=window --platform=browser --target=chrome100 --legal-comments=none --outfile=body.js --log-level=error
cat head.txt body.js >"$here/jssip.js"
