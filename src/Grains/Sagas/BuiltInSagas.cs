using GrainDb.Engine.Sagas;
using GrainDb.Grains.Hosting;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Sagas;

/// <summary>Stores the definitions that this program brings, once their keyspace is there. Every node does: they are the same, and stored once.</summary>
internal sealed class BuiltInSagas(IEnumerable<SagaDefinition> builtIn, SagaDefinitions definitions, TimeProvider time, ILogger<BuiltInSagas> logger) : BackgroundLoop
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    protected override ILogger Logger => logger;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        foreach (var definition in builtIn)
        {
            while (true)
            {
                var answer = await definitions.PutAsync(definition, stamp: null, Patience, stopping);
                if (answer.Failure is null)
                    break;
                if (answer.Failure.Code == ErrorCode.SagaDefinitionExists)
                {
                    SagasLog.NotStored(logger, definition.Name, definition.Version, answer.Failure.Detail);
                    break;
                }

                await Task.Delay(Pause, time, stopping);
            }
        }
    }
}
