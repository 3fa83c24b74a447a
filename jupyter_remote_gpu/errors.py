"""The one tree of errors; every error says what happened, where, and what to do next.

RemoteGPUError
├── RequestError                what the user asked for cannot be understood
│   ├── BadReferenceError       an address of data that cannot be understood
│   ├── UnknownFlagError
│   ├── UnknownGPUError
│   ├── UnknownMachineError
│   └── UnknownVerbError
├── RegistryError               the list of added machines cannot be read or written
├── NotAvailableError           understood, but this version or machine cannot do it
│   └── PackagesError           no choice of packages fits the machine
│       └── NoIndexError        the package index cannot be reached
├── MachineError                the machine or its agent is in trouble
│   ├── AgentStartError
│   │   └── AgentMissingError   the machine is there, our files on it are not
│   ├── VersionMismatchError
│   ├── ConnectionLostError
│   │   ├── UnreachableError    away, for now
│   │   │   └── ServerBusyError
│   │   ├── HostKeyError        unknown or changed: a hard stop
│   │   ├── KeyRefusedError
│   │   └── UnknownHostError
│   ├── DiskFullError
│   ├── EnvironmentBuildError   an environment there could not be built
│   │   ├── NeedsPythonError    no such Python there: it is to be brought
│   │   └── NeedsPackagesError  packages cannot be fetched there: they are to be brought
│   └── KernelDiedError
├── ProtocolError               bytes that do not follow the wire or journal format
│   └── DamagedError            a checksum did not match
├── LackingError                a chunk that was asked for is not there
├── DatasetError                data from Kaggle, the Hub and elsewhere
│   ├── CorruptDataError        not the bytes that the source says they are
│   ├── CredentialsRefusedError the source does not know the token
│   ├── InTheWayError           something else lies where data are to be placed
│   ├── LinkEndedError          a signed link ended, and there is no new one
│   ├── NoCredentialsError      the source wants to know who asks
│   ├── NoSuchDataError
│   ├── PrivateDataError        this account may not read it
│   ├── RateLimitedError
│   ├── RulesNotAcceptedError   a person has to accept them on a page first
│   ├── MayNotWriteError        the token may not write there
│   ├── PublicRepositoryError   open to all, which nobody asked for
│   ├── UnsafeWeightsError      no plain tensors
│   ├── UploadError             the Hub does not take a file
│   └── SourceDownError
├── FilesError                  the project's files
│   ├── NoSuchFileError         the machine has nothing of that name
│   ├── ProjectChangedError     they are not what was last seen of them
│   ├── StillComingError        a cell needs a file that is not here yet
│   ├── TooMuchError            more is to be sent than goes without a question
│   ├── UnsafePathError         a path from outside that could leave the workspace
│   └── UnreadableError         a file that cannot be read here
├── WaitTimeoutError            a wait came to its end; says what was waited for
├── InternalError               a mistake of this package; nothing the user did
└── StateError                  names and values
    ├── CannotTravelError       a value that cannot leave its side
    ├── ElsewhereError          a placeholder was used without the cell naming it
    ├── TooLongError            what the cell needs would take too long to move
    └── LostError               the newest value went with its kernel

User code shows an error of this tree as its message and hint alone: the frames
of this package say nothing to the user and are left out (`_render_traceback_`,
the hook IPython offers exceptions for that).
"""

from __future__ import annotations


class RemoteGPUError(Exception):
    """Base of all errors of this package.

    `message` is a full sentence naming what happened and to what; `where` is
    the machine, cell or name concerned; `hint` is the next step for the user.
    """

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        text = self.message if self.where is None else f"{self.where}: {self.message}"
        return text if self.hint is None else f"{text}\n{self.hint}"

    def _render_traceback_(self) -> list[str]:
        """Return the lines IPython shows in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class RequestError(RemoteGPUError):
    """What the user asked for cannot be understood."""


class BadReferenceError(RequestError):
    """An address of a dataset that cannot be understood."""


class UnknownFlagError(RequestError):
    """A flag that the grammar of requests does not know."""


class UnknownGPUError(RequestError):
    """A GPU name that is not in the table of names."""


class UnknownMachineError(RequestError):
    """A machine name that was never added."""


class UnknownVerbError(RequestError):
    """A word after `%remote_gpu` that is none of its verbs."""


class RegistryError(RemoteGPUError):
    """The file in which added machines are remembered cannot be read or written."""


class NotAvailableError(RemoteGPUError):
    """The request was understood, but this version or machine cannot do it."""


class PackagesError(NotAvailableError):
    """What a notebook needs of packages cannot be had for a machine; the reason is in short."""


class NoIndexError(PackagesError):
    """The package index cannot be reached from here, and nothing kept from before fits."""


class MachineError(RemoteGPUError):
    """The machine or its agent is in trouble."""


class AgentStartError(MachineError):
    """The agent process did not start or did not answer."""


class AgentMissingError(AgentStartError):
    """What was installed on the machine is not there any more; installing it again mends that.

    `broken` says that it is there but cannot be loaded.
    """

    broken = False


class VersionMismatchError(MachineError):
    """Client and agent speak different versions of the protocol."""


class ConnectionLostError(MachineError):
    """The connection to the agent broke and could not be made again."""


class UnreachableError(ConnectionLostError):
    """The way to the machine is interrupted, or the machine is away: it may come back by itself."""


class ServerBusyError(UnreachableError):
    """The SSH server turned a connection away: too many are being made, or it is starting."""


class HostKeyError(ConnectionLostError):
    """The host's key is unknown here or has changed; nothing was sent."""


class KeyRefusedError(ConnectionLostError):
    """The host did not accept the user's key."""


class UnknownHostError(ConnectionLostError):
    """No host of that name can be found."""


class DiskFullError(MachineError):
    """The machine's disk has no room for the journal or the store."""


class EnvironmentBuildError(MachineError):
    """An environment on the machine could not be built; it is as it was, or gone."""


class NeedsPythonError(EnvironmentBuildError):
    """The machine has no such Python and cannot fetch one; the client can bring it."""


class NeedsPackagesError(EnvironmentBuildError):
    """The machine cannot fetch packages; the client can bring them."""


class KernelDiedError(MachineError):
    """The kernel process on the machine ended by itself."""


class ProtocolError(RemoteGPUError):
    """Bytes that do not follow the wire or journal format."""


class DamagedError(ProtocolError):
    """A checksum did not match: the bytes were changed on their way."""


class LackingError(RemoteGPUError):
    """A chunk is not where it was asked for; it has to be sent again."""


class DatasetError(RemoteGPUError):
    """Trouble with data that were asked for by their address."""


class NoCredentialsError(DatasetError):
    """The source wants to know who asks, and no token was found here."""


class CredentialsRefusedError(DatasetError):
    """The source does not accept the token that was found here; the message says where."""


class RulesNotAcceptedError(DatasetError):
    """A person has to accept the terms on `page` first; no program can."""

    def __init__(
        self, message: str, *, page: str = "", where: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.page = page


class PrivateDataError(DatasetError):
    """The data are there, but this account may not read them."""


class NoSuchDataError(DatasetError):
    """The source knows no such data, version or file, or does not say that it does."""


class RateLimitedError(DatasetError):
    """The source wants fewer requests; `retry_after` is in seconds, None if it did not say."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.retry_after = retry_after


class SourceDownError(DatasetError):
    """The source did not answer, or answered that it is in trouble."""


class CorruptDataError(DatasetError):
    """What arrived is not what its source says, or is no archive that can be unpacked."""


class LinkEndedError(DatasetError):
    """The links to the data have ended, and no new ones came; what was fetched is kept."""


class InTheWayError(DatasetError):
    """Something that is not ours lies where the data are to be placed; it was left alone."""


class UnsafeWeightsError(DatasetError):
    """What is to be published is no plain tensors, or a file that can run code when it is read."""


class MayNotWriteError(DatasetError):
    """The token that was found here has no right to write to this repository."""


class PublicRepositoryError(DatasetError):
    """The repository is open to all, and nobody said that the weights may be."""


class UploadError(DatasetError):
    """The Hub does not take a file, or its storage does not; what it has already is kept there."""


class FilesError(RemoteGPUError):
    """Trouble with the project's files."""


class NoSuchFileError(FilesError):
    """The machine has nothing of the name that was asked for."""


class StillComingError(FilesError):
    """A cell needs a file that a machine wrote and that is not here yet; the cell did not run."""


class TooMuchError(FilesError):
    """More of a project would be sent than goes without a question; nothing was sent."""


class ProjectChangedError(FilesError):
    """The files on the machine are not what this side last saw: it has to look again."""


class UnsafePathError(FilesError):
    """A path from outside that could leave the workspace, or mean something special there."""


class UnreadableError(FilesError):
    """A file of the project cannot be read here."""


class WaitTimeoutError(RemoteGPUError):
    """A wait came to its end; the message says what was waited for."""


class InternalError(RemoteGPUError):
    """A mistake of this package, told with where it happened so that it can be reported."""


class StateError(RemoteGPUError):
    """Trouble with names and values."""


class CannotTravelError(StateError):
    """A value that cannot leave its side; the cell was not run."""


class ElsewhereError(StateError):
    """A placeholder was used in a way that the cell's text did not announce."""


class TooLongError(StateError):
    """Moving what the cell needs would take longer than the user's limit; nothing has moved."""


class LostError(StateError):
    """The newest value of a name went with the kernel that held it."""
