namespace GrainDb.Silo.CommandLine;

/// <summary>What the command line asks for.</summary>
public abstract record Invocation
{
    private Invocation()
    {
    }

    /// <summary>Serve, embedded or as one node.</summary>
    /// <param name="Settings">Setting key to the text given on the command line.</param>
    /// <param name="ConfigFile">The file of <c>--config</c>.</param>
    public sealed record Serve(IReadOnlyDictionary<string, string> Settings, string? ConfigFile) : Invocation;

    /// <summary><c>wal inspect DIR</c>.</summary>
    public sealed record InspectWal(string Directory) : Invocation;

    /// <summary><c>wal verify DIR</c>.</summary>
    public sealed record VerifyWal(string Directory) : Invocation;

    /// <summary><c>--help</c>.</summary>
    public sealed record ShowHelp : Invocation;

    /// <summary><c>--version</c>.</summary>
    public sealed record ShowVersion : Invocation;
}
