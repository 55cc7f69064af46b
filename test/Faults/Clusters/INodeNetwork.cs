namespace GrainDb.Faults.Clusters;

/// <summary>Where the nodes of a cluster live.</summary>
internal interface INodeNetwork : IAsyncDisposable
{
    /// <summary>The address of a node, counted from 1.</summary>
    string AddressOf(int node);

    /// <summary>The command that starts a node's process there; empty when none is needed.</summary>
    IReadOnlyList<string> LauncherOf(int node);

    /// <summary>Further options of every node.</summary>
    IReadOnlyList<string> Options { get; }

    /// <summary>A port that a node keeps for its life.</summary>
    int TakePort();
}
