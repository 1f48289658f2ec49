"""Real helpdesks on 127.0.0.1, each a private instance in a folder of its own: Request Tracker 5
and Redmine 5 of Debian on SQLite, and Roundup of PyPI, in an environment of its own (it comes as
source alone, which no lock file takes)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port

SERVER = Path("/usr/share/request-tracker5/libexec/rt-server")
LIBRARY = "-I/usr/share/request-tracker5/lib"
_READY_SECONDS = 300.0
# Bcrypt: as shipped, most of each request goes into hashing the token.
_SITE = """
Set($rtname, 'noc.example.net'); Set($Organization, 'noc.example.net');
Set($DatabaseType, 'SQLite'); Set($DatabaseName, '{folder}/rtdb');
Set($WebDomain, '127.0.0.1'); Set($WebPort, {port}); Set($WebPath, '');
Set($LogToSyslog, undef); Set($LogToSTDERR, 'error'); Set($MailCommand, 'testfile');
Set($WebSessionClass, 'Apache::Session::File');
Set($BcryptCost, 4);
Set($MasonDataDir, '{folder}/mason'); Set($MasonSessionDir, '{folder}/sessions');
"""
_RIGHTS = (
    "SeeQueue CreateTicket ShowTicket ShowTicketComments CommentOnTicket ReplyToTicket ModifyTicket"
    " OwnTicket ReassignTicket SeeCustomField ModifyCustomField"
)
_BEGIN = """
use RT -init;
my $queue = RT::Queue->new(RT->SystemUser);
$queue->Create(Name => 'NOC');
my $field = RT::CustomField->new(RT->SystemUser);
$field->Create(Name => 'Service', Type => 'FreeformSingle', LookupType => 'RT::Queue-RT::Ticket');
$field->AddToObject($queue);
for my $name ('reveille', 'asha', 'guest') {
    my $user = RT::User->new(RT->SystemUser);
    $user->Create(Name => $name, EmailAddress => "$name\\@example.net", Privileged => 1);
    next if $name eq 'guest';
    $user->PrincipalObj->GrantRight(Right => $_, Object => RT->System) for qw(RIGHTS);
    my $token = RT::AuthToken->new(RT->SystemUser);
    my ($id, $said, $auth) = $token->Create(Owner => $user->Id, Description => $name);
    print "$auth\\n";
}
"""

REDMINE = Path("/usr/share/redmine")
_BEGIN_REDMINE = """
# Before Redmine's own list of gems is held to, in which no server is.
require 'webrick'
require './config/environment'
Redmine::DefaultData::Loader.load('en')
Setting.rest_api_enabled = '1'
kinds = Tracker.pluck(:id)
project = Project.create!(name: 'NOC', identifier: 'noc', tracker_ids: kinds,
                          enabled_module_names: ['issue_tracking'])
IssueCustomField.create!(name: 'Service', field_format: 'string', tracker_ids: kinds,
                         projects: [project])
role = Role.find_by!(name: 'Manager')
keys = %w[reveille asha].map do |name|
  user = User.new(firstname: name, lastname: 'NOC', mail: "#{name}@example.net", language: 'en')
  user.login = name
  user.password = user.password_confirmation = 'secret-secret'
  user.save!
  Member.create!(user_id: user.id, project_id: project.id, role_ids: [role.id])
  user.api_key
end
File.write(ARGV[0], keys.join("\n"))
require 'rack/handler/webrick'
Rack::Handler::WEBrick.run(Rails.application, Host: '127.0.0.1', Port: ARGV[1].to_i)
"""


@contextmanager
def redmine() -> Iterator[tuple[int, str, str]]:
    """Port, our key, and that of an operator. The project is "noc"."""
    assert REDMINE.exists(), "as root: ./reveille test --desks installs Redmine"
    with open_folder() as folder:
        for name in ("config", "tmp/cache", "log", "files"):
            (folder / name).mkdir(parents=True)
        database = f"production:\n  adapter: sqlite3\n  database: {folder}/redmine.db\n"
        (folder / "config/database.yml").write_text(database)
        (folder / "config/secret_key.txt").write_text("0" * 64)
        (folder / "begin.rb").write_text(_BEGIN_REDMINE)
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, "www-data", "www-data")
        # An instance is a folder below its own (README.Debian): this leads out of it, to the root.
        instance = {"REDMINE_INSTANCE": f"{'../' * 8}{folder}", "RAILS_ENV": "production"}
        # It writes its schema beside its own source otherwise.
        written = {"HOME": str(folder), "SCHEMA": str(folder / "schema.rb")}
        environment = {**os.environ, **instance, **written}
        _run(["rake", "db:migrate"], environment, cwd=REDMINE)
        keys, port = folder / "keys", free_port()
        command = ["setpriv", *_AS_SERVER, "ruby", str(folder / "begin.rb"), str(keys), str(port)]
        with _serving(command, port, environment, cwd=REDMINE):
            ours, theirs = keys.read_text().split()
            yield port, ours, theirs


@contextmanager
def request_tracker(more: str = "") -> Iterator[tuple[int, str, str]]:
    """Port, our token, and that of an operator; `more` stands at the end of RT_SiteConfig.pm."""
    assert SERVER.exists(), "as root: ./reveille test --desks installs Request Tracker"
    with open_folder() as folder:
        port = free_port()
        site = _SITE.replace("{folder}", str(folder)).replace("{port}", str(port))
        (folder / "site.pm").write_text(f"{site}{more}\n1;\n")
        (folder / "begin.pl").write_text(_BEGIN.replace("RIGHTS", _RIGHTS))
        for name in ("mason", "sessions", "conf.d"):
            (folder / name).mkdir()
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, "www-data", "www-data")
        places = {"RT_SITE_CONFIG": folder / "site.pm", "RT_SITE_CONFIG_DIR": folder / "conf.d"}
        environment = {**os.environ, **{name: str(path) for name, path in places.items()}}
        _run(["rt-setup-database", "--action", "init", "--skip-create"], environment)
        tokens = _run(["perl", LIBRARY, str(folder / "begin.pl")], environment).split()
        command = [str(SERVER), "--host", "127.0.0.1", "--port", str(port), "--max-workers", "4"]
        with _serving(["setpriv", *_AS_SERVER, *command], port, environment):
            yield port, tokens[0], tokens[1]


@contextmanager
def roundup() -> Iterator[int]:
    """Its port. The tracker is "noc", the accounts are reveille and asha, "secret" to both."""
    port = free_port()
    with open_folder() as folder:
        _run([sys.executable, "-m", "venv", str(folder / "env")])
        _run([str(folder / "env/bin/python"), "-m", "pip", "install", "-q", "roundup>=2.6,<3"])
        admin = str(folder / "env/bin/roundup-admin")
        tracker = str(folder / "noc")
        given = (
            "admin_email=a@example.net,mail_domain=example.net,mail_host=127.0.0.1,"
            f"tracker_web=http://127.0.0.1:{port}/noc/"
        )
        _run([admin, "-i", tracker, "install", "classic", "sqlite", given])
        # Whoever has written is told of what comes after: into a file, and by no mail server.
        file = folder / "noc/config.ini"
        text = file.read_text(encoding="utf-8").replace("[mail]\n", "[mail]\ndebug = mail.log\n", 1)
        text = re.sub(r"(?m)^debug = *$", "", text)
        # As shipped, half a second of each request goes into hashing the password.
        text = re.sub(r"(?m)^(password_pbkdf2_default_rounds) = .*$", r"\1 = 1000", text)
        file.write_text(text, encoding="utf-8")
        _run([admin, "-i", tracker, "initialise", "secret"])
        for name in ("reveille", "asha"):
            account = [f"username={name}", "password=secret", "roles=User"]
            address = f"address={name}@example.net"
            _run([admin, "-i", tracker, "create", "user", *account, address])
        for path in (folder / "noc", *(folder / "noc").rglob("*")):
            shutil.chown(path, "nobody")
        command = [str(folder / "env/bin/roundup-server"), "-n", "127.0.0.1", "-p", str(port)]
        with _serving([*command, "-u", "nobody", f"noc={tracker}"], port, os.environ):
            yield port


_AS_SERVER = ("--reuid=www-data", "--regid=www-data", "--clear-groups")


def _run(
    command: list[str], environment: Mapping[str, str] | None = None, cwd: Path = Path("/")
) -> str:
    if environment is not None:
        command = ["setpriv", *_AS_SERVER, *command]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=300, check=False, cwd=cwd
    )
    assert done.returncode == 0, f"{command[:3]}: {done.stdout[-500:]}{done.stderr[-1500:]}"
    return done.stdout


@contextmanager
def _serving(
    command: list[str], port: int, environment: Mapping[str, str], cwd: Path = Path("/")
) -> Iterator[None]:
    with tempfile.TemporaryFile() as said:
        server = subprocess.Popen(command, env=dict(environment), stdout=said, stderr=said, cwd=cwd)
        try:
            until = time.monotonic() + _READY_SECONDS
            while not _answers(port):
                assert server.poll() is None and time.monotonic() < until, command[0]
                time.sleep(0.2)  # a step of the loop that asks
            yield
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@contextmanager
def open_folder() -> Iterator[Path]:
    """One that a server's own user may go into."""
    folder = Path(tempfile.mkdtemp(prefix="reveille-desks-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
