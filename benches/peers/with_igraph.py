"""igraph, which knows no times: a graph of its own for each moment, made before the clock starts."""

import os

import igraph


class Igraph:
    def __init__(self, subject, folder):
        self.name = f"igraph {igraph.__version__}, a graph for each moment"
        (table,) = subject.tables
        self.path = os.path.join(folder, f"{table.name}.csv")
        self.folder = folder
        self.graphs = {}

    def prepare(self, parameters):
        at = parameters["at"]
        if at in self.graphs:
            return
        edges = os.path.join(self.folder, "edges")
        with open(self.path) as rows, open(edges, "w") as holding:
            for row in rows:
                provider, dependent, from_at, until_at = row.split(",")
                if int(from_at) <= at < int(until_at):
                    holding.write(f"{provider} {dependent}\n")
        self.graphs[at] = igraph.Graph.Read_Edgelist(edges, directed=True)
        os.remove(edges)

    def ask(self, parameters):
        graph, hops = self.graphs[parameters["at"]], parameters["hops"]
        order = graph.vcount() if hops is None else hops
        return [graph.neighborhood_size(parameters["origin"], order=order, mode="out") - 1]

    def close(self):
        self.graphs.clear()
