namespace GrainDb.Grains.Hosting;

/// <summary>The node cannot start as it is configured; the message is one line for an operator.</summary>
public sealed class NodeStartException(string message) : Exception(message);
