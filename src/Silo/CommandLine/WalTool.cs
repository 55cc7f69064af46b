using GrainDb.Silo.Hosting;

namespace GrainDb.Silo.CommandLine;

/// <summary><c>wal inspect|verify DIR</c>: reads a log offline through the engine's inspector.</summary>
public static class WalTool
{
    public static int Inspect(string directory, TextWriter output) => throw new StartRefusedException("wal inspect: not wired");

    public static int Verify(string directory, TextWriter output) => throw new StartRefusedException("wal verify: not wired");
}
