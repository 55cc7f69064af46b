using GrainDb.Engine.Wal;
using GrainDb.Silo.Hosting;

namespace GrainDb.Silo.CommandLine;

/// <summary><c>wal inspect|verify DIR</c>: reads a log offline through the engine's inspector.</summary>
public static class WalTool
{
    public static int Inspect(string directory, TextWriter output)
    {
        WalInspector.Inspect(new NativeFileSystem(), Existing(directory), output);
        return ExitCode.Success;
    }

    /// <summary>Fails when something is damaged.</summary>
    public static int Verify(string directory, TextWriter output) =>
        WalInspector.Verify(new NativeFileSystem(), Existing(directory), output) == 0 ? ExitCode.Success : ExitCode.Failed;

    private static string Existing(string directory) => Directory.Exists(directory)
        ? directory
        : throw new StartRefusedException($"wal: there is no directory '{directory}'");
}
