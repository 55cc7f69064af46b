using System.Reflection;

namespace GrainDb.Silo.CommandLine;

/// <summary>What <c>--help</c> and <c>--version</c> print.</summary>
public static class Usage
{
    public const string Text = """
        graindb: a distributed, multi-version key-value database

        Embedded cluster in one process (the default):
          graindb [--nodes N] [--data DIR] [--http URL]
            --nodes N           nodes node1..nodeN in this process, 1 to 16 (3)
            --data DIR          data directory (./data)
            --http URL          where HTTP is served; loopback only (http://localhost:8080)

        One node per process:
          graindb --node NAME --membership M --bootstrap A,B,C [options]
            --node NAME         stable name of this node: 1 to 64 of a-z A-Z 0-9 - _ .
            --membership M      file:DIR | postgres:CONNECTION | redis:CONNECTION
            --bootstrap A,B,C   1, 3, 5 or 7 nodes that hold the first meta range; the same list on every node
            --http URL          where HTTP is served; loopback only (http://127.0.0.1:8080)
            --silo-port PORT    port for other nodes, 0 for any free one (11111)
            --gateway-port PORT port for Orleans clients, 0 for any free one (30000)
            --advertise ADDRESS address under which other nodes reach this one; loopback only (127.0.0.1)
            --insecure-network N  also permits addresses of this private network, as in 10.0.0.0/24. DANGEROUS: there is no
                                authentication, so whoever reaches these addresses reads and changes everything (none)
            --data DIR          data directory; the node uses DIR/NAME (./data)
            --region NAME       region (local)
            --weight W          relative capacity, above 0, at most 1000 (1)
            --cluster-id ID     name of the cluster (graindb)

        Both:
          --config FILE         JSON file with a GrainDb section, over ./appsettings.json, under environment and command line

        Offline tools:
          graindb wal inspect DIR   print the log in DIR
          graindb wal verify DIR    check the log in DIR

          graindb --help | --version

        Every setting can also stand in the GrainDb section of the configuration or in the environment (GrainDb__SiloPort=11111).
        Exit codes: 0 stopped as asked, 1 failed while running or wal verify found problems, 2 did not start.
        """;

    public static string Version
    {
        get
        {
            var version = typeof(Usage).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
            var metadata = version.IndexOf('+', StringComparison.Ordinal);
            return $"graindb {(metadata < 0 ? version : version[..metadata])}";
        }
    }
}
