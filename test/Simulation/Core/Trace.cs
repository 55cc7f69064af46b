using System.Globalization;

namespace GrainDb.Simulation.Core;

/// <summary>What happened, one line per step, for a person. Written only when somebody wants to read it; writing changes nothing.</summary>
internal sealed class Trace(TextWriter? output)
{
    public static readonly Trace None = new(null);

    /// <summary>Ask before building a line.</summary>
    public bool IsOn => output is not null;

    public void Write(World world, SimulatedProcess? process, string line) =>
        output?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{world.Elapsed.TotalSeconds,11:F6} {process?.Name ?? "-",-8} {line}"));
}
